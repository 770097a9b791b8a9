/**
 * What a zone's programs may do, as AppArmor has it: everything, but to write what is the whole machine's. A second layer: masks,
 * read-only mounts and missing capabilities say the same.
 *
 * Paths are those that a program sees from the zone's root. A class of characters stands for "all but these", since a `deny` cannot be
 * taken back by a later rule.
 */

/** mapped: in a user namespace, where a zone mounts what it likes · host-ids: its root is the host's, and mounts nothing. */
export type ProfileKind = 'mapped' | 'host-ids';

/** Wherever they are mounted. */
const anywhere = [
  '/{,**/}sysrq-trigger',
  '/{,**/}sys/kernel/{core_pattern,core_pipe_limit,hotplug,kexec_load_disabled,modprobe,modules_disabled,poweroff_cmd,sysrq}',
  '/{,**/}sys/vm/drop_caches',
  '/{,**/}binfmt_misc/{register,status}',
  '/{,**/}uevent_helper',
  '/{,**/}release_agent',
];

/** All of /proc that is not a process's, and of its parameters those that are no namespace's. */
const mappedProc = [
  '/proc/[^0-9s]**',
  '/proc/s[^y]**',
  '/proc/sy[^s]**',
  '/proc/sys[^/]**',
  '/proc/sys/[^fknu]**',
  '/proc/sys/fs/[^m]**',
  '/proc/sys/fs/m[^q]**',
  // domainname, hostname, msg*, ns_last_pid, sem*, shm*
  '/proc/sys/kernel/[^dhmns]**',
  '/proc/sys/kernel/d[^o]**',
  '/proc/sys/kernel/h[^o]**',
  '/proc/sys/kernel/ho[^s]**',
  '/proc/sys/kernel/m[^s]**',
  '/proc/sys/kernel/n[^s]**',
  '/proc/sys/kernel/s[^eh]**',
  '/proc/sys/kernel/se[^m]**',
  '/proc/sys/kernel/sh[^m]**',
];

/** Its own links and groups are the zone's. */
const mappedSys = [
  '/sys/[^df]**',
  '/sys/d[^e]**',
  '/sys/dev[^i]**',
  '/sys/devices/[^v]**',
  '/sys/devices/virtual/[^n]**',
  '/sys/f[^s]**',
  '/sys/fs/[^c]**',
];

const hostProc = ['/proc/[^0-9]**'];
const hostSys = ['/sys/[^f]**', '/sys/f[^s]**', '/sys/fs/[^c]**'];

/** What is never written under the profile. */
export function deniedWrites(kind: ProfileKind): readonly string[] {
  return kind === 'mapped' ? [...anywhere, ...mappedProc, ...mappedSys] : [...anywhere, ...hostProc, ...hostSys];
}

/**
 * Disconnected: of what the helper has brought along without a path, such as the tiny init. Who may send a signal to the zone, or read
 * its processes, is a question of namespaces: on the host's side tszone itself may be under some profile.
 */
export function profileText(name: string, kind: ProfileKind): string {
  const mounts =
    kind === 'mapped' ? ['mount', 'umount', 'pivot_root'] : ['deny mount', 'deny umount', 'deny pivot_root'];
  const rules = [
    'file',
    'capability',
    'network',
    'unix',
    'dbus',
    ...mounts,
    'signal (receive)',
    `signal (send) peer=${name}`,
    'ptrace (readby, tracedby)',
    `ptrace (read, trace) peer=${name}`,
    ...deniedWrites(kind).map((path) => `deny ${path} wl`),
  ];
  return [
    `profile ${name} flags=(attach_disconnected, mediate_deleted) {`,
    ...rules.map((rule) => `  ${rule},`),
    '}\n',
  ].join('\n');
}
