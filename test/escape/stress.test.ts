/** Debian's stress-ng, with what it has for devices, file systems, resources and namespaces, as root of a zone: the host does not notice. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Altered, startAltered, withoutPidsLimit } from '../helpers/altered-zone.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { pidsGroup } from '../helpers/pids-group.js';
import { expectNothingLeft } from '../helpers/snapshot.js';

const stressors = {
  devices: [
    'dev',
    'full',
    'zero',
    'null',
    'urandom',
    'dev-shm',
    'loop',
    'tun',
    'rtc',
    'watchdog',
    'pty',
    'ioport',
    'rawdev',
  ],
  'file systems': [
    'mknod',
    'chattr',
    'chown',
    'dir',
    'dentry',
    'rename',
    'symlink',
    'link',
    'xattr',
    'fallocate',
    'file-ioctl',
    'handle',
    'inode-flags',
    'bind-mount',
    'ramfs',
    'chroot',
    'quota',
  ],
  resources: [
    'fork',
    'resources',
    'clone',
    'vfork',
    'pidfd',
    'sem-sysv',
    'shm-sysv',
    'mq',
    'key',
    'kill',
    'rlimit',
    'set',
    'swap',
    'mlock',
    'inotify',
    'pipe',
    'sysinfo',
  ],
  'namespaces and the kernel': [
    'unshare',
    'procfs',
    'sysfs',
    'reboot',
    'seccomp',
    'ptrace',
    'userfaultfd',
    'netlink-proc',
    'io-uring',
    'cap',
    'nice',
    'affinity',
    'resched',
    'sysbadaddr',
    'syscall',
    'netdev',
    'sockdiag',
  ],
} as const;

/** Values that change by themselves. */
const volatile =
  /random\/|\/ns_last_pid|dentry-state|file-nr|inode-(nr|state)|aio-nr|pty\/nr|\/net\/|sched_domain|\/epoll\/|perf_event_max_sample_rate|nf_|drop_caches|fs\/quota|compact_memory|stat_refresh|\/user\/max_|hung_task_(detect_count|warnings)|latencytop/;

async function readSysctls(directory = '/proc/sys'): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      if (volatile.test(`${path}/`) || volatile.test(path)) return [];
      if (entry.isDirectory()) return readSysctls(path);
      const value = await readFile(path, 'utf8').catch(() => undefined);
      return value === undefined ? [] : [`${path} = ${value.trim()}`];
    }),
  );
  return lists.flat().toSorted();
}

async function lines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).trim().split('\n');
}

/** What no zone may change. */
async function hostState() {
  const names = async (path: string) => (await readdir(path)).toSorted();
  return {
    sysctls: await readSysctls(),
    modules: (await lines('/proc/modules')).map((line) => line.split(' ')[0]),
    swaps: await lines('/proc/swaps'),
    devices: (await names('/dev')).filter((name) => !/^tty|^pts|^loop/.test(name)),
    namespace: await readlink('/proc/self/ns/mnt'),
    limits: await lines('/proc/self/limits'),
    nice: (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ')[16],
  };
}

describe('stress-ng as root of a zone', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ needs: ['stress-ng'] }, async (host) => {
    // What a host makes once.
    await using _first = await host.run({ image: 'sparse', net: 'none' });
  });

  for (const [what, names] of Object.entries(stressors)) {
    it(`${what}: changes nothing of the host's, and ends with the zone`, async () => {
      const snapshot = await given.host.snapshot();
      const before = await hostState();
      const offset = Date.now() - performance.now();
      {
        await using zone = await given.host.run({
          name: 'stressed',
          image: 'sparse',
          net: 'none',
          command: ['sleep', '1000'],
          memory: 512 * 2 ** 20,
          pids: 400,
          cpus: 1,
          // Some take all the space that there is, and a zone's disk has no limit of its own.
          tmpfs: ['/stress:64M', '/tmp:64M', '/var/tmp:64M'],
          ulimit: ['fsize=67108864'],
        });
        const words = names.flatMap((name) => [`--${name}`, '1']);
        const argv = [
          'stress-ng',
          '--temp-path',
          '/stress',
          '--timeout',
          '3s',
          '--oomable',
          '--no-rand-seed',
          ...words,
        ];
        const { stdout, stderr } = await zone.exec(argv, { timeoutMs: patience(40_000) });
        expect(stdout + stderr).to.match(/dispatching hogs/);
        expect((await zone.exec(['true'])).exitCode, 'the zone can still be entered').to.equal(0);
      }
      expect(Date.now() - performance.now()).to.be.closeTo(offset, 1000);
      const after = await hostState();
      expect(after.sysctls.filter((line) => !before.sysctls.includes(line))).to.deep.equal([]);
      expect(after).to.deep.equal(before);
      await eventually('all is gone', async () => {
        expectNothingLeft(snapshot, await given.host.snapshot());
        return true;
      });
    });
  }

  it('a limit is what holds it: gets through without cgroup.write of processes', async () => {
    const spec = { name: 'unbound', image: 'sparse', pids: 20 };
    const forks = ['stress-ng', '--fork', '1', '--fork-max', '64', '--timeout', '1s', '--metrics-brief'];
    const refused = async (prepare?: Altered['prepare']) => {
      await using zone = await startAltered(given.host, spec, prepare === undefined ? {} : { prepare });
      const { pid } = await zone.inspect();
      await zone.exec(forks, { timeoutMs: patience(20_000) });
      const events = await readFile(`${await pidsGroup(pid)}/pids.events`, 'utf8');
      return Number(/max (\d+)/.exec(events)?.[1]);
    };
    expect(await refused()).to.be.greaterThan(0);
    expect(await refused(withoutPidsLimit)).to.equal(0);
  });
});
