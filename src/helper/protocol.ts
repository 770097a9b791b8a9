/**
 * What node and the native helper say to each other. `tszone-helper features` prints the same protocol number and op
 * table; a unit test compares the two.
 *
 *     node                            helper (host side, later the monitor)     child (zone side)
 *       spawn; plan on fd 3, EOF  →     reads the plan, opens trees and cgroups
 *                                       clone3                               →    joins cgroups, waits for its id maps
 *                                       writes maps, idmaps trees  ── 'm' ──→     becomes uid 0, new net/ipc/cgroup ns
 *                                 ←     {"event":"created","pid":N,"monitorPid":N}
 *       attach (veth by pid, ports)                                              mounts its root meanwhile, pivots
 *       ("hold\n" instead           →     writes the prepared record; {"event":"held"}; `go` then comes by the monitor's socket)
 *       "go\n" on fd 4            →     writes the running record  ── 'n' ──→     addresses, credentials, exec
 *                                 ←     {"event":"started"}                      (exec closed the close-on-exec pipe)
 *       may close fd 4 and leave        waits, logs, serves the socket
 *       "signal N\n" "winsize R C\n" → (either mode, as long as fd 4 is open)
 *       ("program N\n", N bytes of a plan and three descriptors before "go\n", where the plan has sync.program)
 *       "claim\n"                 →     the caller sees to what follows the zone's end (exit.spawn), if it lives then
 *       "tie\n"                   →     the zone is killed when fd 4 is closed, whoever does that
 *                                 ←     {"event":"exited","status":S,"signal":N,"oomKills":N}, or
 *                                       {"event":"error","step":"mnt.fs","op":7,"syscall":"fsmount","errno":1,"path":"/proc","message":"…"}
 *
 * fd 3 carries NUL-terminated tokens: `tszone-plan`, the protocol number, then per op its name, the number of its
 * arguments and the arguments. fd 4 is a stream socket, both ways. End of file on fd 4 before `go` makes the helper kill
 * the child and work off its exit list. In `enter` there is no created/go: `started`, then `exited`; end of file on
 * fd 4 kills the exec's whole group (`exec.group`). `apply` does `cgroup.program` and nothing else, then says `exited`.
 */

export const protocolVersion = 2;

/**
 * Op → names of its arguments. A last name that ends in `*` takes any number of them (also none).
 *
 * The first block is for the host side and applies in any order. The second is walked by the child, in the order in
 * which the plan has it; paths there are inside the new root unless said otherwise and are resolved with
 * openat2(RESOLVE_IN_ROOT).
 */
export const enterOps = {
  // --- host side -------------------------------------------------------------------------------------------------
  /** Comma-separated: user,mnt,pid,uts,ipc,net,cgroup,time. launch: made; enter: entered (through the pidfd). */
  'ns.flags': ['flags'],
  'ns.uidmap': ['inside', 'outside', 'count'],
  'ns.gidmap': ['inside', 'outside', 'count'],
  /** enter: whom. The start time (field 22 of /proc/PID/stat) is compared after pidfd_open. */
  target: ['pid', 'startTime'],
  /**
   * A detached copy of a host path (open_tree CLONE) under a slot name. flags, comma-separated, may be empty:
   * recursive, idmap, readonly, nosuid, nodev, noexec, locked. `locked`: attached in a private mount namespace of the
   * initial user namespace before the zone's is made from it, so that the zone cannot clear its flags.
   */
  'tree.open': ['slot', 'path', 'flags'],
  /** Attaches one locked slot over a directory of another locked slot, so that the zone cannot take it off. */
  'tree.cover': ['slot', 'path', 'with'],
  /**
   * A device node of its own under a slot name, on a tmpfs that nobody sees, so that it can have an owner whom the zone knows; kind
   * is b or c, mode decimal, uid and gid those of the host. Needs root.staging.
   */
  'tree.node': ['slot', 'kind', 'major', 'minor', 'mode', 'uid', 'gid'],
  /** v1: a `tasks` file (launch, enter), opened by the host side; the child writes 0. */
  'cgroup.join': ['path'],
  /** v2: the directory for CLONE_INTO_CGROUP. */
  'cgroup.into': ['path'],
  /**
   * v2 (launch, apply): eBPF instructions (hex) that become the only BPF_CGROUP_DEVICE program of the group, in one step; it goes
   * with the group.
   */
  'cgroup.program': ['path', 'hex'],
  /** A directory with devpts, where the child may mount its staging tmpfs; its parent is 0700 root. */
  'root.staging': ['path'],
  /**
   * enter: a group of the command's own is made at path and the helper's pid; kind is `tasks` (v1: joined as by cgroup.join) or
   * `into` (v2: as by cgroup.into); fill: control files that are copied from the group above. Killed as a whole (cgroup.kill, else
   * SIGKILL to cgroup.procs until empty) on end of file on fd 4; removed when the command has ended, unless it left something.
   */
  'exec.group': ['path', 'kind', 'fill*'],
  /**
   * relay: fds 0-2 of the helper through pipes the zone owns · log: pipes, stdin empty · pty: the console; a terminal on fd 0 is
   * raw meanwhile · attach (enter only): terminals through pipes, the rest as it is.
   */
  'stdio.mode': ['mode'],
  'stdio.winsize': ['rows', 'columns'],
  /** flock'ed before anything is made and held until the helper ends: free lock = no helper. */
  'monitor.lock': ['path'],
  /** flock'ed as others have it, too (LOCK_SH), before the clone and until the helper ends. */
  'monitor.share': ['path'],
  /** The helper writes 0 here: it leaves its caller's group. May occur several times (v1). */
  'monitor.leave': ['path'],
  /** Tried, EACCES and EPERM ignored; after the clone, so that the zone keeps the default. */
  'monitor.oomscore': ['value'],
  /** JSON {version,pid,startTime,monitorPid,monitorStartTime,startedAtMs}; written on `go`, before the child is released. */
  'monitor.record': ['path'],
  /** The same, written on `hold` and removed on `go`: the zone is prepared, everything but its first exec is done. */
  'monitor.hold': ['path'],
  /** A plan for the native entry (below), to which the ops `status.since` and `target` are added on `go`. */
  'monitor.entry': ['path'],
  /** JSON {version,status,signal,oomKills,tooManyGroups?,exitedAtMs}; status is 128+n for a signal. */
  'monitor.exit': ['path'],
  /** A file with a line `oom_kill N` (v1 memory.oom_control, v2 memory.events), read when the zone has ended. */
  'monitor.oom': ['path'],
  /**
   * More groups than that below the path, or deeper than 16, and the zone's first process is killed: they are counted every 100 ms while it runs
   * and the machine's number of groups changes. May occur several times (v1).
   */
  'monitor.groups': ['path', 'most'],
  /** Lines `<ISO time> <stdout|stderr|console> <text>`; rotated to path.1 … path.(files-1). */
  'monitor.log': ['path', 'maxBytes', 'files'],
  /** Unix stream socket: see docs/internals/monitor.md. */
  'monitor.socket': ['path'],
  /** Run, as exit.spawn, when a client's `go` has started a zone that was held. */
  'monitor.went': ['argv*'],
  /**
   * launch: sent when the namespaces are there, from the host's side and while the child mounts its root; the pid of the child is
   * written into the message at that offset (bytes).
   */
  'host.nl': ['protocol', 'hex', 'pidOffset'],
  /** Worked off in order when the zone has ended or failed to start; failures are ignored; `already gone` is success. */
  'exit.rmdir': ['path'],
  /** The group and all groups below it, deepest first. */
  'exit.rmtree': ['path'],
  'exit.unlink': ['path'],
  /** A netlink request (hex) sent in the host's namespaces to this protocol. */
  'exit.nl': ['protocol', 'hex'],
  /** Lets go of monitor.share; if nobody else has it, the text is written to the file meanwhile. */
  'exit.last': ['file', 'text'],
  /** And the directory removed. Waits for a moment while it is in use; never lazily. */
  'exit.umount': ['path'],
  /** Last: run detached with an empty environment but PATH; not when the caller has claimed it and fd 4 is still open. */
  'exit.spawn': ['argv*'],
  /** For native/entry.c alone, which finishes an exec's plan itself: the root that the zone is of, as a path. */
  'entry.root': ['path'],
  /** A file that says FROZEN or `frozen 1` while the zone is paused. */
  'entry.freezer': ['path'],
  /** The group of the zone's processes. */
  'entry.group': ['path'],
  /** Unless the command line says otherwise: cred.user and cwd. */
  'entry.user': ['spec'],
  'entry.workdir': ['path'],
  /** What `shell` runs. */
  'entry.login': ['argv*'],
  /** zone.json as it was when the following was said: INODE.SIZE.MTIME_NS. If it is another one by now, node answers. */
  'status.of': ['file'],
  /**
   * A line of `status`, in their order. how: text TEXT · life OOM_FILE (or empty) · pid 0 · started 0 · size, count USED_FILE LIMIT_FILE ·
   * cpu FILE · lsm MODULE.
   */
  'status.line': ['label', 'how', 'argument*'],
  /** Added on `go`: when, in milliseconds since 1970. */
  'status.since': ['ms'],

  // --- zone side, walked in this order -----------------------------------------------------------------------------
  /** Writes 0 to every cgroup.join. */
  'cgroup.enter': [],
  'uts.hostname': ['name'],
  'uts.domain': ['name'],
  /** Waits for the maps, then setresgid 0, setgroups none, setresuid 0, PDEATHSIG, session keyring, umask 0. */
  'sync.maps': [],
  /** Comma-separated; see ns.flags. */
  'ns.unshare': ['flags'],
  /** Tells the host side that pid and namespaces are there for the attach phase. */
  'sync.created': [],
  /** All mounts private; a staging tmpfs on root.staging; cwd there. */
  'root.stage': [],
  /** A slot attached at a name in the staging directory. */
  'tree.move': ['slot', 'name'],
  /** In staging. target: a name; lowers: colon-separated names, topmost first; upper: a name that holds `upper` and `work`, or empty. userxattr. options: `volatile` or empty: nothing is synced, neither when the zone asks for it nor at the end. */
  'overlay.mount': ['target', 'lowers', 'upper', 'options'],
  /** cwd = that name in staging, made if missing; from here on it is the root of all paths. May occur again: the name is always relative to staging, and so are overlay.mount's. */
  'root.enter': ['name'],
  /** fsopen TYPE, each `k=v` or flag of the comma-separated options by fsconfig, mount attributes (ro,nosuid,nodev,noexec,relatime…), attached at target, which is made if it is missing. */
  'mnt.fs': ['type', 'target', 'attributes', 'options'],
  /** A slot (any flags) attached at target; target is made, as a file or directory, if missing. */
  'mnt.tree': ['slot', 'target'],
  /** A host node (/dev/null, …) bound at target, which is made as an empty file; its mode and owner cannot be changed there. */
  'dev.bind': ['hostPath', 'target'],
  /** A slot of tree.node at target, which is made as an empty file; no symbolic link is followed, nothing but a file covered. Done already is success. */
  'dev.add': ['slot', 'target'],
  /** The reverse, for the node of that number; whatever else is there stays. */
  'dev.remove': ['target', 'major', 'minor'],
  symlink: ['text', 'path'],
  mkdir: ['path', 'mode'],
  /**
   * An empty tmpfs or /dev/null over a path below /proc or /sys; nothing if it does not exist. Looked up in the very mount that was
   * made for the zone (mnt.fs, mnt.tree), without links and without leaving it; /dev/null has to be the character device 1:3.
   */
  'mnt.mask': ['path'],
  /** The path, looked up likewise, made read-only in place (RDONLY,NOSUID,NODEV,NOEXEC, recursive); nothing if it does not exist. */
  'mnt.readonly': ['path'],
  /** mnt.readonly for everything in /proc that is neither a process's nor covered yet. */
  'proc.readonly': [],
  /** A pty from the new devpts, its slave on /dev/console, its master sent to the host side. */
  'console.make': [],
  /** Mount attributes of the root (as those of mnt.fs), in addition to what it has; not recursive. */
  'root.attributes': ['attributes'],
  'root.pivot': [],
  /**
   * A regular file in the root, owner 0:0. Left alone if it exists, is not empty and does not begin with the marker
   * (an empty marker: only written when missing or empty; `*`: always written). A symbolic link is replaced, never followed.
   */
  'file.write': ['path', 'mode', 'marker', 'content'],
  /**
   * Through /proc/sys of the proc that the zone's side has mounted, as it was before it was made read-only; anywhere behind that.
   * enter: through that of the host, in the network and IPC namespaces that are entered; not in a mount namespace.
   */
  'sysctl.write': ['key', 'value'],
  /** Waits until the host.nl ops have been done. */
  'sync.links': [],
  /** Waits until the host side got `go`. */
  'sync.go': [],
  /** The same, and what follows comes with it: by `program` (HelperSession.program). */
  'sync.program': [],
  /** A netlink request (hex) sent in the zone; the ack's errno and extack text are the op's result. */
  'nl.send': ['protocol', 'hex'],
  /** 20 = nofile … by its RLIMIT_ number; `unlimited` is allowed. */
  'rlimit.set': ['resource', 'soft', 'hard'],
  personality: ['name'],
  /** Replaces the environment built so far by nothing, then env.set adds to it. */
  'env.set': ['assignment'],
  /**
   * pid 1 (the caller) execs the slot (the tiny init) with its argv plus the child's pid; the forked child carries on
   * with the ops that follow.
   */
  'init.fork': ['slot', 'argv*'],
  /** NAME, UID, NAME:GROUP or UID:GID, looked up in the zone's own /etc/passwd and /etc/group, as data, with bounds. Sets HOME, USER, LOGNAME, SHELL unless env.set did. */
  'cred.user': ['spec'],
  /** Hex masks. bounding: what stays; the rest for the process that execs. */
  'cred.caps': ['bounding', 'permitted', 'inheritable', 'ambient'],
  'cred.nnp': [],
  'cred.umask': ['octal'],
  /**
   * From here on the process, what it forks and what it execs are under that AppArmor profile, which has to be loaded. By the host's
   * /proc. PDEATHSIG is set after it.
   */
  'apparmor.change': ['profile'],
  /**
   * A seccomp filter: struct sock_filter[] in hex, with SECCOMP_FILTER_FLAG_* as a number. when: now, or exec: by each process as the
   * last thing before its exec. Needs SYS_ADMIN or no_new_privs then.
   */
  'seccomp.load': ['when', 'flags', 'program'],
  /** Resolved in the zone; made if missing only by run/create's workdir op: mkdir before it. */
  cwd: ['path'],
  /** execvp in the zone with the PATH of its environment. ENOENT → 127, EACCES and the like → 126. */
  'exec.path': ['argv*'],
  /** execveat of a slot. */
  'exec.slot': ['slot', 'argv*'],
  /** Instead of an exec: what was to be done in the zone is done, status 0. */
  'exec.none': [],
} as const satisfies Record<string, readonly string[]>;

export type EnterOpName = keyof typeof enterOps;

type FieldOf<Names extends readonly string[]> = Names[number];
type EnterOpOf<Name extends EnterOpName> = { readonly op: Name } & {
  readonly [Field in FieldOf<(typeof enterOps)[Name]> as Field extends `${infer Base}*`
    ? Base
    : Field]: Field extends `${string}*` ? readonly string[] : string;
};

/** One step for the helper: plain data, every argument a string. */
export type EnterOp = { [Name in EnterOpName]: EnterOpOf<Name> }[EnterOpName];

/** fd 4, helper → node, one JSON object a line. Unknown events and members are ignored. */
export type HelperEvent =
  | { readonly event: 'created'; readonly pid: number; readonly monitorPid: number }
  | { readonly event: 'held' }
  | { readonly event: 'started' }
  | { readonly event: 'exited'; readonly status: number; readonly signal: number; readonly oomKills: number }
  | {
      readonly event: 'error';
      readonly step: string;
      /** Index of the op in the plan, -1 outside of any. */
      readonly op: number;
      readonly syscall: string;
      readonly errno: number;
      readonly path: string;
      readonly message: string;
    };

/** The wire form of a plan. @throws Error on an argument with a NUL in it (a caller's bug: specs are checked earlier). */
export function encodePlan(ops: readonly EnterOp[]): Buffer {
  const tokens: string[] = ['tszone-plan', String(protocolVersion)];
  for (const op of ops) {
    const args = argumentsOf(op);
    tokens.push(op.op, String(args.length), ...args);
  }
  if (tokens.some((token) => token.includes('\0'))) throw new Error('a plan argument contains NUL');
  return Buffer.from(tokens.map((token) => `${token}\0`).join(''));
}

/** The arguments of an op in wire order. */
export function argumentsOf(op: EnterOp): string[] {
  const fields = op as unknown as Record<string, string | readonly string[]>;
  return enterOps[op.op].flatMap((name) => {
    const value = fields[name.replace('*', '')];
    if (value === undefined) throw new Error(`${op.op}: missing ${name}`);
    return typeof value === 'string' ? [value] : [...value];
  });
}
