import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { headerNumbers } from '../../../scripts/syscall-numbers.js';
import { numbersOf } from '../../../src/seccomp/architectures.js';
import { compilePolicy } from '../../../src/seccomp/compile.js';
import { absentCalls, allowedCalls, conditionalCalls, refusedCalls } from '../../../src/seccomp/default-calls.js';
import { type DefaultPolicyOptions, defaultPolicy, defaultRevision } from '../../../src/seccomp/default-policy.js';
import { multiplexedNames } from '../../../src/seccomp/multiplexed.js';
import { audit, runFilter, verdictName, verdictOf } from '../../helpers/bpf.js';
import { requires } from '../../helpers/requires.js';

const architectures = ['x86_64', 'i386', 'aarch64'] as const;
const plain = { nesting: false, is32Bit: false };

function programOf(options: Partial<DefaultPolicyOptions> = {}, machine = 'x86_64'): Buffer {
  return compilePolicy(defaultPolicy({ ...plain, ...options }), machine);
}

/** What a call gets, by its name. */
function answer(
  program: Buffer,
  name: string,
  args: readonly bigint[] = [],
  architecture: (typeof architectures)[number] = 'x86_64',
) {
  const number = numbersOf(architecture).get(name) ?? expect.fail(`${architecture} has no ${name}`);
  return verdictName(verdictOf(program, { number, architecture: audit[architecture], args }));
}

const newUser = 0x1000_0000n;

describe('the default seccomp policy', () => {
  it('has looked at every call of every architecture, once', () => {
    const listed = [...allowedCalls, ...conditionalCalls, ...refusedCalls, ...absentCalls];
    expect(listed.filter((name, index) => listed.indexOf(name) !== index)).to.deep.equal([]);
    const there = new Set(architectures.flatMap((one) => [...numbersOf(one).keys()]));
    expect([...there].filter((name) => !listed.includes(name))).to.deep.equal([]);
    expect(listed.filter((name) => !there.has(name) && !multiplexedNames.includes(name))).to.deep.equal([]);
  });

  for (const architecture of architectures)
    it(`has the numbers of ${architecture} as the kernel's headers have them`, function () {
      requires('gcc').call(this);
      const known = numbersOf(architecture);
      const last = Math.max(...known.values());
      const header = Object.entries(headerNumbers(architecture)).filter(([, number]) => number <= last);
      expect(header.length).to.be.above(250);
      expect(header.filter(([name, number]) => known.get(name) !== number)).to.deep.equal([]);
    });

  it('refuses what reaches past the zone, with the errno that programs expect', () => {
    const program = programOf();
    for (const name of refusedCalls.filter((one) => numbersOf('x86_64').has(one)))
      expect(answer(program, name), name).to.equal('errno 1');
    for (const name of absentCalls.filter((one) => numbersOf('x86_64').has(one)))
      expect(answer(program, name), name).to.equal('errno 38');
    for (const number of [470, 999, 0x3fff_ffff, 0x4000_0000, 0x4000_0001, 0xffff_ffff])
      expect(verdictName(verdictOf(program, { number, architecture: audit.x86_64 })), String(number)).to.equal(
        'errno 38',
      );
  });

  it('refuses new user namespaces however they are asked for, unless zones may nest', () => {
    const [program, nested] = [programOf(), programOf({ nesting: true })];
    for (const [name, args] of [
      ['clone', [newUser | 17n]],
      ['clone', [newUser | (1n << 40n)]],
      ['unshare', [newUser]],
      ['setns', [3n, newUser]],
    ] as const) {
      expect(answer(program, name, args), name).to.equal('errno 1');
      expect(answer(nested, name, args), name).to.equal('allow');
    }
    expect(answer(program, 'clone', [17n])).to.equal('allow');
    expect(answer(program, 'unshare', [0x0002_0000n])).to.equal('allow');
    expect([answer(program, 'clone3'), answer(nested, 'clone3')]).to.deep.equal(['errno 38', 'allow']);
  });

  it("gives sockets of the families that are the zone's own only, whatever stands in the upper half", () => {
    const program = programOf();
    for (const family of [1n, 2n, 10n, 16n, 17n]) expect(answer(program, 'socket', [family])).to.equal('allow');
    for (const family of [38n, 40n, 3n, 0n, 40n | (1n << 32n)])
      expect(answer(program, 'socket', [family])).to.equal('errno 97');
    expect(answer(program, 'socket', [2n | (1n << 32n)])).to.equal('allow');
  });

  it('holds 32-bit programs to the same', () => {
    const program = programOf();
    const of32 = (name: string, args: readonly bigint[] = []) => answer(program, name, args, 'i386');
    expect(['bpf', 'keyctl', 'stime', 'open_by_handle_at'].map((name) => of32(name))).to.deep.equal([
      'errno 1',
      'errno 38',
      'errno 1',
      'errno 1',
    ]);
    expect([of32('socket', [40n]), of32('socket', [2n])]).to.deep.equal(['errno 97', 'allow']);
    // A call that makes sockets of any family is refused; the others pass; a number that is none is unknown.
    expect([1n, 3n, 20n, 0n, 21n].map((call) => of32('socketcall', [call]))).to.deep.equal([
      'errno 97',
      'allow',
      'allow',
      'errno 38',
      'errno 38',
    ]);
    const for32 = programOf({ is32Bit: true });
    expect(answer(for32, 'socketcall', [1n], 'i386')).to.equal('allow');
    expect(answer(for32, 'socket', [40n])).to.equal('errno 97');
  });

  it('knows what common calls get from their number alone, in a few instructions', () => {
    for (const [machine, architecture] of [
      ['x86_64', 'x86_64'],
      ['aarch64', 'aarch64'],
    ] as const) {
      const program = programOf({}, machine);
      const runs = allowedCalls
        .filter((name) => numbersOf(architecture).has(name))
        .map((name) =>
          runFilter(program, { number: numbersOf(architecture).get(name) ?? 0, architecture: audit[architecture] }),
        );
      expect(runs.every(({ readsArguments }) => !readsArguments)).to.equal(true);
      expect(Math.max(...runs.map(({ steps }) => steps))).to.be.at.most(14);
    }
  });

  it('has a new revision when its filter is another', () => {
    const path = 'test/golden/seccomp-default.json';
    const programs = ['x86_64', 'aarch64'].flatMap((machine) =>
      [false, true].flatMap((nesting) => [false, true].map((is32Bit) => programOf({ nesting, is32Bit }, machine))),
    );
    const sha256 = createHash('sha256').update(Buffer.concat(programs)).digest('hex');
    const golden = JSON.parse(readFileSync(path, 'utf8')) as { revision: number; sha256: string };
    if (process.env.UPDATE_GOLDEN === '1' && golden.revision !== defaultRevision)
      writeFileSync(path, `${JSON.stringify({ revision: defaultRevision, sha256 }, undefined, 2)}\n`);
    else
      expect({ revision: defaultRevision, sha256 }, 'raise defaultRevision, then UPDATE_GOLDEN=1').to.deep.equal(
        golden,
      );
  });
});
