import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { numbersOf } from '../../../src/seccomp/architectures.js';
import { compilePolicy } from '../../../src/seccomp/compile.js';
import { parseProfile } from '../../../src/seccomp/profile.js';
import { type Surroundings, selectPolicy } from '../../../src/seccomp/select.js';
import { audit, verdictName, verdictOf } from '../../helpers/bpf.js';

const here: Surroundings = { machine: 'x86_64', kernel: { major: 6, minor: 1 }, capabilities: ['NET_ADMIN'] };

function program(profile: object, around: Partial<Surroundings> = {}): Buffer {
  const policy = selectPolicy(parseProfile(JSON.stringify(profile), '/p.json'), { ...here, ...around }, '/p.json');
  return compilePolicy(policy, around.machine ?? here.machine);
}

function answer(
  bytes: Buffer,
  name: string,
  args: readonly bigint[] = [],
  architecture: 'x86_64' | 'i386' = 'x86_64',
): string {
  const number = numbersOf(architecture).get(name) ?? expect.fail(name);
  return verdictName(verdictOf(bytes, { number, architecture: audit[architecture], args }));
}

function mistake(profile: object | string, around: Partial<Surroundings> = {}): string {
  try {
    const parsed = parseProfile(typeof profile === 'string' ? profile : JSON.stringify(profile), '/p.json');
    selectPolicy(parsed, { ...here, ...around }, '/p.json');
  } catch (error) {
    if (!hasCode(error, 'SPEC_INVALID')) throw error;
    expect(error.hint).to.include('--seccomp');
    return error.message;
  }
  return expect.fail('no mistake was found');
}

const allowed = (...names: string[]) => ({ names, action: 'SCMP_ACT_ALLOW' });
const base = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [allowed('execve', 'execveat', 'exit_group')] };
const withRules = (...rules: object[]) => ({ ...base, syscalls: [...base.syscalls, ...rules] });

describe('a seccomp profile', () => {
  it('gives each call its action and errno', () => {
    const bytes = program({
      ...withRules(
        allowed('read'),
        { names: ['write'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
        { names: ['open'], action: 'SCMP_ACT_ERRNO', errno: 'ENOENT' },
        { names: ['close'], action: 'SCMP_ACT_KILL_PROCESS' },
        { name: 'stat', action: 'SCMP_ACT_LOG', args: null },
        { names: ['dup'], action: 'SCMP_ACT_TRAP' },
      ),
      defaultErrnoRet: 38,
    });
    const names = ['read', 'write', 'open', 'close', 'stat', 'dup', 'pipe'];
    expect(names.map((name) => answer(bytes, name))).to.deep.equal([
      'allow',
      'errno 13',
      'errno 2',
      'kill process',
      'log',
      'trap',
      'errno 38',
    ]);
  });

  it('compares arguments, masked ones too, and takes any of two comparisons of one argument', () => {
    const bytes = program(
      withRules(
        { ...allowed('clone'), args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 0x7e02_0000, valueTwo: 0 }] },
        { ...allowed('personality'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 8 }] },
        { ...allowed('personality'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: '0xffffffffffffffff' }] },
        {
          ...allowed('socket'),
          args: [
            { index: 0, op: 'SCMP_CMP_EQ', value: 1 },
            { index: 0, op: 'SCMP_CMP_EQ', value: 2 },
          ],
        },
        {
          ...allowed('lseek'),
          args: [
            { index: 1, op: 'SCMP_CMP_GT', value: '0x100000000' },
            { index: 2, op: 'SCMP_CMP_LE', value: 1 },
          ],
        },
      ),
    );
    expect([answer(bytes, 'clone', [17n]), answer(bytes, 'clone', [0x1000_0000n])]).to.deep.equal(['allow', 'errno 1']);
    expect([8n, (1n << 64n) - 1n, 0xffff_ffffn].map((one) => answer(bytes, 'personality', [one]))).to.deep.equal([
      'allow',
      'allow',
      'errno 1',
    ]);
    expect([1n, 2n, 3n].map((one) => answer(bytes, 'socket', [one]))).to.deep.equal(['allow', 'allow', 'errno 1']);
    const lseek = [
      [1n << 32n, 1n],
      [(1n << 32n) + 1n, 1n],
      [(1n << 32n) + 1n, 2n],
    ].map((args) => answer(bytes, 'lseek', [0n, ...args]));
    expect(lseek).to.deep.equal(['errno 1', 'allow', 'errno 1']);
  });

  it('has rules for some capabilities, architectures and kernels only', () => {
    const rules = withRules(
      { ...allowed('bpf'), includes: { caps: ['CAP_BPF'] } },
      { ...allowed('mount'), includes: { caps: ['CAP_NET_ADMIN'] } },
      { ...allowed('umount2'), excludes: { caps: ['CAP_NET_ADMIN'] } },
      { ...allowed('iopl'), includes: { arches: ['amd64'] } },
      { ...allowed('acct'), includes: { arches: ['s390x'] } },
      { ...allowed('ptrace'), includes: { minKernel: '4.8' } },
      { ...allowed('kcmp'), includes: { minKernel: '6.10' } },
      { ...allowed('chroot'), excludes: { minKernel: '6.1' } },
    );
    const names = ['bpf', 'mount', 'umount2', 'iopl', 'acct', 'ptrace', 'kcmp', 'chroot'];
    const got = (bytes: Buffer) => names.filter((name) => answer(bytes, name) === 'allow');
    expect(got(program(rules))).to.deep.equal(['mount', 'iopl', 'ptrace']);
    expect(got(program(rules, { capabilities: ['BPF'], kernel: { major: 6, minor: 12 } }))).to.deep.equal([
      'bpf',
      'umount2',
      'iopl',
      'ptrace',
      'kcmp',
    ]);
  });

  it('lets in the architectures that it names, and kills by any other; x32 never', () => {
    const own = program(withRules(allowed('read')));
    expect(answer(own, 'read', [], 'i386')).to.equal('kill process');
    const listed = {
      ...withRules(allowed('read')),
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    };
    const mapped = {
      ...withRules(allowed('read')),
      archMap: [
        { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
        { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
      ],
    };
    for (const profile of [listed, mapped]) {
      const bytes = program(profile);
      expect(answer(bytes, 'read', [], 'i386')).to.equal('allow');
      expect(verdictName(verdictOf(bytes, { number: 0x4000_0000, architecture: audit.x86_64 }))).to.equal('errno 38');
    }
  });

  it('takes the first of two rules for all arguments, as libseccomp does', () => {
    const kill = { names: ['read'], action: 'SCMP_ACT_KILL' };
    expect(answer(program(withRules(allowed('read'), kill)), 'read')).to.equal('allow');
    expect(answer(program(withRules(kill, allowed('read'))), 'read')).to.equal('kill thread');
  });

  it('has room for jumps that are longer than one instruction reaches', () => {
    const values = Array.from({ length: 400 }, (_, index) => index * 7 + 1000);
    const rules = values.map((value) => ({ ...allowed('ioctl'), args: [{ index: 1, op: 'SCMP_CMP_EQ', value }] }));
    const bytes = program(withRules(...rules));
    expect(bytes.length / 8).to.be.above(1000);
    expect([1000n, 1007n, 3793n, 1001n].map((one) => answer(bytes, 'ioctl', [0n, one]))).to.deep.equal([
      'allow',
      'allow',
      'allow',
      'errno 1',
    ]);
    expect(answer(bytes, 'execve')).to.equal('allow');
    const many = Array.from({ length: 1200 }, (_, value) => ({
      ...allowed('ioctl'),
      args: [{ index: 1, op: 'SCMP_CMP_EQ', value }],
    }));
    expect(() => program(withRules(...many))).to.throw(/too long: \d+ instructions of 4096/);
  });
});

describe('a mistake in a seccomp profile', () => {
  const cases: readonly [what: string, profile: object | string, message: RegExp][] = [
    ['no JSON', '{', /"\/p\.json": is not JSON/],
    ['a missing default action', { syscalls: [] }, /"defaultAction" is missing/],
    ['a misspelled key', { ...base, sycalls: [] }, /"sycalls" is not known; did you mean "syscalls"\?/],
    [
      'a misspelled key of a rule',
      withRules({ ...allowed('read'), arg: [] }),
      /"syscalls\.1 \(read\)\.arg" is not known; did you mean "args"\?/,
    ],
    [
      'an unknown action',
      withRules({ names: ['read'], action: 'SCMP_ACT_ALOW' }),
      /"syscalls\.1 \(read\)\.action" .*did you mean "SCMP_ACT_ALLOW"/,
    ],
    [
      'an unknown comparison',
      withRules({ ...allowed('read'), args: [{ index: 0, op: 'EQ', value: 1 }] }),
      /"syscalls\.1 \(read\)\.args\.0\.op" is not known/,
    ],
    [
      'an argument that no call has',
      withRules({ ...allowed('read'), args: [{ index: 6, op: 'SCMP_CMP_EQ', value: 1 }] }),
      /args\.0\.index" is not a whole number from 0 to 5/,
    ],
    [
      'a number that JSON rounds',
      withRules({ ...allowed('read'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 2 ** 60 }] }),
      /args\.0\.value" .*written as a text/,
    ],
    [
      'a misspelled call',
      withRules(allowed('raed')),
      /"syscalls\.1 \(raed\)" "raed" is no system call; did you mean "read"\?/,
    ],
    ['no call', withRules({ action: 'SCMP_ACT_ALLOW' }), /"syscalls\.1" names no call/],
    ['an errno for no error', withRules({ ...allowed('read'), errnoRet: 1 }), /"syscalls\.1 \(read\)" gives an errno/],
    [
      'an unknown errno',
      withRules({ names: ['read'], action: 'SCMP_ACT_ERRNO', errno: 'EWHAT' }),
      /"EWHAT" is no errno/,
    ],
    [
      'an errno that is none',
      withRules({ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 5000 }),
      /errnoRet 5000 is more than 4095/,
    ],
    [
      'a listener',
      withRules({ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }),
      /"syscalls\.1 \(mount\)\.action" SCMP_ACT_NOTIFY asks for a listener/,
    ],
    [
      'a mask that hides what it compares with',
      withRules({ ...allowed('read'), args: [{ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: 1, valueTwo: 2 }] }),
      /"syscalls\.1 \(read\)" args compare with 0x2, which 0x1 masks in part/,
    ],
    [
      'a second value without a use',
      withRules({ ...allowed('read'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 1, valueTwo: 2 }] }),
      /valueTwo, which SCMP_CMP_EQ has no use for/,
    ],
    [
      'a rule for some arguments against one for all',
      withRules(allowed('read'), {
        names: ['read'],
        action: 'SCMP_ACT_KILL',
        args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 1 }],
      }),
      /"syscalls\.2 \(read\)" and a rule before it, one with args and one without, say different things of "read"/,
    ],
    ['an unknown flag', { ...base, flags: ['SECCOMP_FILTER_FLAG_NEW_LISTENER'] }, /"flags\.0" is not known/],
    ['programs that cannot start', { defaultAction: 'SCMP_ACT_ERRNO' }, /refuses "execve": no program could start/],
  ];
  for (const [what, profile, message] of cases)
    it(`is named: ${what}`, () => {
      expect(mistake(profile)).to.match(message);
    });

  it('is told with all others', () => {
    const message = mistake(withRules(allowed('raed'), allowed('wriet')));
    expect(message).to.include('"raed"').and.include('"wriet"');
  });

  it('is none where a rule is for another machine or an old kernel', () => {
    const names = ['s390_pci_mmio_read', 'arm_fadvise64_64', 'riscv_flush_icache', 'breakpoint', 'query_module'];
    expect(answer(program(withRules(allowed(...names, 'read'))), 'read')).to.equal('allow');
  });
});
