/** What AppArmor profiles deny, path by path; and that Debian's parser takes them. */
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { planProfile } from '../../../src/apparmor/index.js';
import { deniedWrites, type ProfileKind, profileText } from '../../../src/apparmor/profile.js';
import { requires } from '../../helpers/requires.js';

/** AppArmor's patterns, apparmor.d(5): `**` any characters, `*` and `[^…]` none that is a slash unless they say so. */
function matcher(pattern: string): RegExp {
  let depth = 0;
  const text = pattern.replaceAll(/\*\*|\*|\[[^\]]*\]|[{},.]/g, (token) => {
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '.') return '\\.';
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    return { '{': '(', '}': ')', ',': depth > 0 ? '|' : ',' }[token] ?? token;
  });
  return new RegExp(`^${text}$`);
}

const isDenied = (kind: ProfileKind, path: string) => deniedWrites(kind).some((pattern) => matcher(pattern).test(path));

const both: readonly ProfileKind[] = ['mapped', 'host-ids'];

/** The whole machine's. */
const machines = [
  '/proc/sysrq-trigger',
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/modprobe',
  '/proc/sys/kernel/hotplug',
  '/proc/sys/kernel/dmesg_restrict',
  '/proc/sys/kernel/sysrq',
  '/proc/sys/kernel/seccomp/actions_logged',
  '/proc/sys/kernel/ngroups_max',
  '/proc/sys/kernel/randomize_va_space',
  '/proc/sys/kernel/yama/ptrace_scope',
  '/proc/sys/vm/drop_caches',
  '/proc/sys/fs/file-max',
  '/proc/sys/fs/mount-max',
  '/proc/sys/fs/binfmt_misc/register',
  '/proc/sys/debug/exception-trace',
  '/proc/irq/1/smp_affinity',
  '/proc/bus/pci/00/00.0',
  '/proc/dynamic_debug/control',
  '/proc/kcore',
  '/proc/scsi/scsi',
  '/proc/sysvipc/shm',
  '/proc/mtrr',
  '/sys/kernel/uevent_helper',
  '/sys/kernel/mm/ksm/run',
  '/sys/kernel/debug/x',
  '/sys/kernel/security/apparmor/.replace',
  '/sys/module/x/parameters/y',
  '/sys/power/state',
  '/sys/block/vda/uevent',
  '/sys/firmware/acpi/interrupts/sci',
  '/sys/devices/system/cpu/cpu0/online',
  '/sys/devices/pci0000:00/uevent',
  '/sys/devices/virtual/block/loop0/uevent',
  '/sys/fs/bpf/x',
  '/sys/fs/selinux/load',
  '/sys/fs/cgroup/memory/release_agent',
  // Mounted elsewhere.
  '/mnt/sysrq-trigger',
  '/run/x/proc/sys/kernel/core_pattern',
  '/srv/uevent_helper',
  '/cg/release_agent',
];

const zones = [
  '/etc/passwd',
  '/proc/1/oom_score_adj',
  '/proc/self/attr/current',
  '/proc/thread-self/comm',
  '/sys/fs/cgroup/cgroup.procs',
  '/sys/fs/cgroup/memory/tasks',
  '/srv/core_pattern',
  '/srv/kernel/modprobe',
  '/dev/null',
];

/** Of its namespaces. */
const namespaces = [
  '/proc/sys/net/core/somaxconn',
  '/proc/sys/kernel/shmmax',
  '/proc/sys/kernel/shm_rmid_forced',
  '/proc/sys/kernel/sem',
  '/proc/sys/kernel/msgmax',
  '/proc/sys/kernel/hostname',
  '/proc/sys/kernel/domainname',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/fs/mqueue/msg_max',
  '/proc/sys/user/max_user_namespaces',
  '/sys/devices/virtual/net/eth0/mtu',
];

describe('the AppArmor profile of a zone', () => {
  for (const kind of both) {
    it(`denies what is the machine's, and nothing of the zone's: ${kind}`, () => {
      expect(machines.filter((path) => !isDenied(kind, path))).to.deep.equal([]);
      // /proc/self and /proc/thread-self are links: a path that AppArmor sees has the number.
      const seen = zones.map((path) => path.replace(/(thread-)?self/, '17'));
      expect(seen.filter((path) => isDenied(kind, path))).to.deep.equal([]);
    });
  }

  it('leaves a zone in a user namespace the parameters of its own namespaces', () => {
    expect(namespaces.filter((path) => isDenied('mapped', path))).to.deep.equal([]);
    expect(namespaces.filter((path) => !isDenied('host-ids', path))).to.deep.equal([]);
  });

  it('lets only a zone in a user namespace mount', () => {
    expect(profileText('x', 'mapped')).to.include('\n  mount,\n').and.not.include('deny mount');
    expect(profileText('x', 'host-ids')).to.include('\n  deny mount,\n');
  });

  it('is named after root, kind and content', () => {
    const roots = { root: '/a', runRoot: '/run/tszone', instance: 'c0ffee' };
    const [one, other] = both.map((kind) => planProfile(roots, kind));
    expect(one?.name).to.match(/^tszone-c0ffee-mapped-[0-9a-f]{8}$/);
    expect(other?.name).to.match(/^tszone-c0ffee-host-ids-[0-9a-f]{8}$/);
    expect(planProfile({ ...roots, instance: 'beef00' }, 'mapped').name).to.equal(
      one?.name.replace('c0ffee', 'beef00'),
    );
  });

  it("is what Debian's parser takes", function () {
    requires('apparmor-parser').call(this);
    const features = '/usr/share/apparmor-features/features';
    const call = ['--quiet', '--skip-cache', '--skip-kernel-load', '--stdout', '--kernel-features', features];
    for (const kind of both) {
      const { status, stderr, stdout } = spawnSync('apparmor_parser', call, { input: profileText('x', kind) });
      expect({ status, stderr: String(stderr) }).to.deep.equal({ status: 0, stderr: '' });
      expect(stdout.length).to.be.greaterThan(1000);
    }
  });
});
