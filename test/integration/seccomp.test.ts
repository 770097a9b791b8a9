/** What a zone's programs may ask of the kernel: seen from inside, whoever started them and however they ask. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { numbersOf } from '../../src/seccomp/architectures.js';
import type { Architecture } from '../../src/seccomp/policy.js';
import { startNative } from '../helpers/both-ways.js';
import { filtered, filtersIn, ours } from '../helpers/filters.js';
import { givenHost } from '../helpers/given.js';
import { requires } from '../helpers/requires.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

const machine: Architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

type Expected = readonly (readonly [name: string, errno: number, args?: readonly number[]])[];

const eperm = -1;
const enosys = -38;
const eafnosupport = -97;
const newUser = 0x1000_0000;

async function buildProbe(host: TempHost): Promise<string> {
  const directory = await host.file('probe');
  execFileSync('gcc', [
    '-O1',
    '-static',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    join(directory, 'probe'),
    'test/fixtures/seccomp/probe.c',
  ]);
  return directory;
}

/** `name` by its number in that architecture: what the kernel says. */
function callIn(
  zone: Zone,
  name: string,
  args: readonly number[] = [],
  architecture: Architecture = machine,
): Promise<number> {
  const number = numbersOf(architecture).get(name) ?? expect.fail(`${architecture} has no ${name}`);
  return numberIn(zone, architecture === 'i386' ? 32 : 64, number, args);
}

async function numberIn(zone: Zone, bits: 32 | 64, number: number, args: readonly number[] = []): Promise<number> {
  return Number(await sh(zone, ['/probe/probe', bits, number, ...args].join(' ')));
}

describe('the system calls of a zone', () => {
  let plain: Zone;
  let open: Zone;
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] }, async (host) => {
    const mount = [`${await buildProbe(host)}:/probe:ro`];
    const common = { image: 'sparse', net: 'none', mount, command: ['sleep', '100000'] };
    plain = await host.run({ ...common, name: 'plain' });
    open = await host.run({ ...common, name: 'open', seccomp: 'unconfined' });
  });

  it('are filtered for pid 1, for the command, and for what is run inside by node or by the native entry', async () => {
    const status = 'for pid in 1 2 self; do grep Seccomp /proc/$pid/status; done';
    const each = (text: string) =>
      [0, 1, 2].map((index) =>
        filtersIn(
          text
            .split('\n')
            .slice(2 * index, 2 * index + 2)
            .join('\n'),
        ),
      );
    expect(each(await sh(plain, status))).to.deep.equal([filtered, filtered, filtered]);
    const native = await startNative(given.host, ['exec', 'plain', '--', 'sh', '-c', status]).ended;
    expect(each(native.stdout)).to.deep.equal([filtered, filtered, filtered]);
    const shell = await startNative(given.host, ['shell', 'plain', '--', '-c', status]).ended;
    expect(each(shell.stdout)[2]).to.deep.equal(filtered);
    expect(each(await sh(open, status))).to.deep.equal([ours, ours, ours]);
    const nativeOpen = await startNative(given.host, ['exec', 'open', '--', 'sh', '-c', status]).ended;
    expect(each(nativeOpen.stdout)).to.deep.equal([ours, ours, ours]);
  });

  it('that reach past the zone fail with the errno that programs expect', async () => {
    const expected: Expected = [
      ...['init_module', 'finit_module', 'delete_module', 'kexec_load', 'bpf', 'perf_event_open', 'userfaultfd'].map(
        (name) => [name, eperm] as const,
      ),
      ...['open_by_handle_at', 'clock_settime', 'settimeofday', 'adjtimex', 'swapon', 'acct', 'quotactl', 'syslog'].map(
        (name) => [name, eperm] as const,
      ),
      ...['keyctl', 'add_key', 'request_key', 'io_uring_setup', 'io_uring_enter', 'clone3'].map(
        (name) => [name, enosys] as const,
      ),
      ['unshare', eperm, [newUser]],
      ['clone', eperm, [newUser + 17]],
      ['setns', eperm, [0, newUser]],
      ['socket', eafnosupport, [40, 1, 0]],
      ['socket', eafnosupport, [38, 5, 0]],
      // As above, with something in the half that the kernel does not look at.
      ['socket', eafnosupport, [2 ** 32 + 38, 5, 0]],
    ];
    for (const [name, errno, args] of expected)
      expect(await callIn(plain, name, args), `${name} ${args}`).to.equal(errno);
    for (const number of [600, 0x3fff_ffff]) expect(await numberIn(plain, 64, number)).to.equal(enosys);
  });

  it('let gdb stop a program at a breakpoint, and look into it', async function () {
    requires('gdb').call(this);
    const source = 'int seen(int x) { return x + 1; } int main(void) { return seen(41); }';
    const script = `printf %s '${source}' > /tmp/p.c && gcc -g -O0 -o /tmp/p /tmp/p.c &&
      gdb -q -batch -ex 'break seen' -ex run -ex 'print x + 1' -ex bt -ex continue /tmp/p`;
    await using zone = await given.host.run({ image: 'sparse', net: 'none' });
    const said = await sh(zone, script);
    expect(said)
      .to.match(/Breakpoint 1, seen \(x=41\)/)
      .and.match(/\$1 = 42/)
      .and.match(/exited with code 052/);
  });

  it('do what they do elsewhere when the zone is unconfined', async () => {
    expect(await callIn(open, 'unshare', [newUser])).to.equal(0);
    expect(await callIn(open, 'keyctl', [0, -3])).to.be.above(0);
    // EFAULT and EINVAL: the kernel itself has looked at the arguments.
    expect([await callIn(open, 'clone3'), await callIn(open, 'add_key')]).to.deep.equal([-22, -14]);
  });

  it('that programs need work: sockets, namespaces of all other kinds, mounts, tracing', async () => {
    for (const [family, type] of [
      [1, 1],
      [2, 1],
      [10, 2],
      [16, 3],
      [17, 3],
    ] as const)
      expect(await callIn(plain, 'socket', [family, type, 0]), `family ${family}`).to.be.at.least(3);
    expect(
      await sh(
        plain,
        'unshare -m -p -i -u -n -C --fork --mount-proc sh -c "echo $$; mount -t tmpfs none /mnt && echo mounted"',
      ),
    ).to.match(/mounted$/);
  });

  it('can be traced inside', async function () {
    requires('strace').call(this);
    expect(await sh(plain, 'strace -f -o /tmp/trace sh -c "true; (true)" && tail -n 1 /tmp/trace')).to.match(
      /exited with 0/,
    );
    expect(
      await sh(
        plain,
        'strace -o /tmp/trace -e trace=bpf /probe/probe 64 $(perl -e "print 321") >/dev/null; head -n 1 /tmp/trace',
      ),
    ).to.match(/bpf\(.*EPERM/);
  });

  describe('of 32-bit and x32 programs', () => {
    before('what they need', requires('x86_64'));

    it('are held to the same', async () => {
      expect(await callIn(plain, 'getpid', [], 'i386')).to.be.above(0);
      const expected: Expected = [
        ['bpf', eperm],
        ['stime', eperm],
        ['open_by_handle_at', eperm],
        ['keyctl', enosys],
        ['io_uring_setup', enosys],
        ['clone3', enosys],
        ['unshare', eperm, [newUser]],
        ['clone', eperm, [newUser + 17]],
        ['socket', eafnosupport, [38, 5, 0]],
        ['socketcall', eafnosupport, [1, 0]],
        // connect: let through, and the kernel finds no arguments.
        ['socketcall', -14, [3, 0]],
      ];
      for (const [name, errno, args] of expected)
        expect(await callIn(plain, name, args, 'i386'), `${name} ${args}`).to.equal(errno);
      expect(await callIn(open, 'unshare', [newUser], 'i386')).to.equal(0);
    });

    it('are unknown by the numbers of x32', async () => {
      for (const number of [0x4000_0000 + 39, 0x4000_0000 + 272, 0x4000_0208])
        expect(await numberIn(plain, 64, number)).to.equal(enosys);
    });

    it('make sockets as their libc does where the zone is a 32-bit one', async () => {
      const mount = [`${join(given.host.directory, 'probe')}:/probe:ro`];
      const zone = await given.host.run({
        name: 'old',
        image: 'sparse',
        net: 'none',
        mount,
        personality: 'linux32',
        command: ['sleep', '1000'],
      });
      expect(await callIn(zone, 'socketcall', [1, 0], 'i386')).to.equal(-14);
      expect(await callIn(zone, 'bpf', [], 'i386')).to.equal(eperm);
      await zone.delete({ force: true });
    });
  });

  it('are filtered without any capability, and the filter costs none', async () => {
    for (const options of [
      ['--cap-drop', 'ALL'],
      ['--cap-drop', 'SYS_ADMIN', '-u', 'nobody'],
      ['--no-new-privs', '--cap-drop', 'SYS_ADMIN'],
    ]) {
      const text = await given.host.ok([
        'run',
        '--rm',
        '--net',
        'none',
        ...options,
        'busybox',
        '--',
        'cat',
        '/proc/self/status',
      ]);
      expect(filtersIn(text), options.join(' ')).to.deep.equal(filtered);
      const effective = BigInt(`0x${/^CapEff:\s+(\w+)$/m.exec(text)?.[1]}`);
      const bounding = BigInt(`0x${/^CapBnd:\s+(\w+)$/m.exec(text)?.[1]}`);
      expect((effective | bounding) & (1n << 21n), 'CAP_SYS_ADMIN').to.equal(0n);
    }
  });

  it('are filtered when the command itself is pid 1', async () => {
    const text = await given.host.ok([
      'run',
      '--rm',
      '--net',
      'none',
      '--init',
      'none',
      'busybox',
      '--',
      'cat',
      '/proc/1/status',
    ]);
    expect(filtersIn(text)).to.deep.equal(filtered);
  });
});
