/** From the helper's error event to a ZoneError. */
import { getSystemErrorName } from 'node:util';
import { type ZoneError, zoneError } from '../errors/index.js';
import type { EnterOp, HelperEvent } from './protocol.js';

type ErrorEvent = Extract<HelperEvent, { event: 'error' }>;

interface StepHint {
  /** That step; with a dot at the end: all that begin with it. */
  readonly step: string;
  /** Nothing: any. */
  readonly errnos?: readonly string[];
  readonly hint: string;
}

const notFound = ['ENOENT', 'ENOTDIR'];

/** What a step's path means to a user; the first that fits counts. */
const stepHints: readonly StepHint[] = [
  {
    step: 'cred.user',
    errnos: ['ENOENT'],
    hint: "Pass a --user that is in the zone's own /etc/passwd (and a group of its /etc/group), or numbers: --user 1000:1000.",
  },
  {
    step: 'cwd',
    errnos: notFound,
    hint: 'Pass a --workdir that is there inside the zone: tszone makes none.',
  },
  { step: 'cwd', errnos: ['EACCES'], hint: 'Pass a --workdir that the --user of the zone may enter.' },
  {
    step: 'mnt.tree',
    errnos: [...notFound, 'EEXIST', 'EISDIR', 'ELOOP'],
    hint: 'Check the target of the --mount inside the zone: a directory goes onto a directory, a file onto a file.',
  },
  {
    step: 'mnt.fs',
    errnos: [...notFound, 'EEXIST', 'ELOOP'],
    hint: "Check that the image has a directory, and no link, where the file system goes (a --tmpfs, or one of the zone's own).",
  },
  {
    step: 'mnt.',
    errnos: notFound,
    hint: 'Check that every part of the path is a directory inside the zone.',
  },
  {
    step: 'overlay.mount',
    errnos: notFound,
    hint: 'A layer of the image is gone; build or import the image again, then create the zone again.',
  },
  {
    step: 'overlay.mount',
    errnos: ['EINVAL', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP'],
    hint: 'The file system of the zones cannot hold overlay layers: put TSZONE_ROOT on ext4, xfs or btrfs, and see "tszone doctor".',
  },
  {
    step: 'tree.open',
    errnos: notFound,
    hint: "Check that the path exists on the host: it is the source of a --mount, or a part of the zone's image.",
  },
  {
    step: 'tree.open',
    errnos: ['EINVAL', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP'],
    hint: 'The file system of the path cannot be mounted with mapped owners: use another one for it, and see "tszone doctor".',
  },
  {
    step: 'tree.node',
    errnos: ['EPERM'],
    hint: 'Making a device node needs CAP_MKNOD, and in a container the device in its own list: see "tszone doctor".',
  },
  {
    step: 'console.make',
    errnos: ['ENOSPC'],
    hint: 'All terminals of this machine are in use: "sysctl kernel.pty.nr" tells how many there are. Run "sysctl -w kernel.pty.max=65536" (tszone doctor --fix keeps it so).',
  },
  {
    step: 'dev.add',
    hint: "Look at the path inside the zone and remove what stands in the device's place (a link, a directory).",
  },
  {
    step: 'cgroup.',
    errnos: notFound,
    hint: 'A cgroup of the zone has been removed by somebody else; stop the zone and start it again.',
  },
  {
    step: 'cgroup.',
    errnos: ['EAGAIN'],
    hint: 'The limit on processes has been reached: raise --pids.',
  },
  {
    step: 'cgroup.',
    hint: 'The cgroup refuses processes: see what "tszone doctor" says about cgroups, and the --cpuset and --pids of the zone.',
  },
  {
    step: 'host.nl',
    errnos: ['EOPNOTSUPP', 'ENOTSUP'],
    hint: 'This kernel cannot make veth pairs: load the module (modprobe veth bridge).',
  },
  {
    step: 'host.nl',
    errnos: ['ENODEV', 'EINVAL'],
    hint: "The network's bridge has gone meanwhile: repeat the command, which makes it again.",
  },
  {
    step: 'sysctl.write',
    errnos: notFound,
    hint: 'This kernel has no such parameter in a zone; in the zone, "sysctl -a" lists those that there are.',
  },
  {
    step: 'sysctl.write',
    errnos: ['EPERM', 'EACCES'],
    hint: 'This kernel lets nobody but the root of the host change the parameter: leave its --sysctl out.',
  },
  {
    step: 'sysctl.write',
    hint: 'The kernel does not take this value for the parameter: give --sysctl another one.',
  },
  {
    step: 'apparmor.change',
    hint: 'Somebody has removed the profile meanwhile (aa-status shows those that are loaded): repeat the command; of a zone that runs, restart it.',
  },
  {
    step: 'exec.group',
    errnos: ['EAGAIN'],
    hint: 'The zone has made as many cgroups as it may have: restart it, or remove some of them inside.',
  },
  {
    step: 'exec.',
    errnos: notFound,
    hint: 'Check that the program, and the interpreter or loader that it names, is in the image.',
  },
];

const hints: Readonly<Record<string, string>> = {
  EPERM: 'Run "tszone doctor" to see what this kernel or the surrounding container does not permit.',
  EACCES: 'Check the permissions of the path, and that it is not on a file system mounted noexec.',
  ENOENT: 'Check that the path exists.',
  ENOTDIR: 'Check that every part of the path but the last is a directory.',
  ELOOP: 'Replace the symbolic link in the path: it is not followed here.',
  EBUSY: 'Something still uses the path; "tszone doctor" and /proc/mounts show what.',
  EINVAL: 'This kernel refuses the combination; run "tszone doctor" to see what it supports.',
  EROFS: 'The file system is read-only; leave --read-only out, or add a --tmpfs for the path.',
  EMFILE: 'Raise the limit on open files (ulimit -n).',
  ENFILE: 'Raise fs.file-max (sysctl).',
  ENOMEM: 'Free memory, or raise the memory limit of the zone.',
  EAGAIN: 'A limit on processes or locked memory has been reached: raise --pids, or kernel.pid_max.',
  ENODEV: 'This kernel lacks the file system; run "tszone doctor".',
  EDQUOT:
    'The user has as many keys as the kernel lets him have: raise kernel.keys.maxkeys and kernel.keys.maxbytes (sysctl).',
  ENOSYS: 'This kernel is too old for the call; run "tszone doctor".',
  ESRCH: 'The zone has ended meanwhile; see "tszone status" and start it again.',
  ENOEXEC: 'The file is no program that this kernel can run: check its architecture and its first line (#!).',
};

/** @returns `undefined` if neither the step nor the errno says anything */
function hintOf(step: string, errnoName: string): string | undefined {
  const found = stepHints.find(
    (one) =>
      (step === one.step || (one.step.endsWith('.') && step.startsWith(one.step))) &&
      (one.errnos === undefined || one.errnos.includes(errnoName)),
  );
  return found?.hint ?? hints[errnoName];
}

/** What a kernel without device programs says, and one that does not let us. */
const programRefused: Readonly<Record<string, string>> = {
  ENOSYS: "This kernel has no bpf(2): boot one with CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF, such as Debian's.",
  EINVAL: "This kernel has no device programs: boot one with CONFIG_CGROUP_BPF, such as Debian's.",
  EPERM:
    'Run as root with CAP_SYS_ADMIN (a container: --privileged), and see with "bpftool cgroup tree" whether a group above has a device program that allows none below it.',
};

const diskFull = ['ENOSPC', 'EDQUOT'];

/** Exit status for a step's failure, as the helper itself ends with: 126 and 127 as shells use them, else 125. */
export function statusOfStep(step: string, errnoName: string): number {
  if (!step.startsWith('exec.') || errnoName === '') return 125;
  return errnoName === 'ENOENT' || errnoName === 'ENOTDIR' ? 127 : 126;
}

/**
 * KERNEL_STEP_FAILED; RESOURCE_DISK_FULL for ENOSPC and EDQUOT; LOCK_BUSY for a second monitor; HOST_FEATURE_MISSING without device programs. `context`: step, op (the plan's own), syscall, errno,
 * errnoName, path, status (126 and 127 for a command that can't be run or found).
 */
export function stepError(event: ErrorEvent, ops: readonly EnterOp[]): ZoneError {
  const errnoName = nameOfErrno(event.errno);
  const where = event.path === '' ? '' : ` "${event.path}"`;
  const call = event.syscall === '' ? '' : ` (${event.syscall})`;
  const message = `${event.step}${where} failed: ${lowerFirst(event.message)}${call}`;
  const context = {
    step: event.step,
    op: ops[event.op],
    syscall: event.syscall,
    errno: event.errno,
    errnoName,
    path: event.path,
    status: statusOfStep(event.step, errnoName),
  };
  if (event.step === 'monitor.lock' && errnoName === 'EAGAIN') {
    return zoneError('LOCK_BUSY', 'the zone has a monitor already', {
      hint: 'Wait until the zone has ended: "tszone wait".',
      context,
    });
  }
  const refused = event.step === 'cgroup.program' ? programRefused[errnoName] : undefined;
  if (refused !== undefined) {
    const what = `the devices of a zone cannot be restricted: ${lowerFirst(event.message)}${call}`;
    return zoneError('HOST_FEATURE_MISSING', what, {
      hint: refused,
      context: { ...context, feature: 'cgroup device program' },
    });
  }
  // A v1 cpuset without CPUs says ENOSPC, too, as do terminals, and keys have a quota.
  const isOfDisk = !/^(cgroup\.|console\.make$)/.test(event.step) && event.syscall !== 'keyctl';
  if (diskFull.includes(errnoName) && isOfDisk) {
    return zoneError('RESOURCE_DISK_FULL', message, {
      hint: 'Free space or inodes on the file system of the path.',
      context,
    });
  }
  const hint =
    hintOf(event.step, errnoName) ??
    'Run "tszone doctor", and repeat the command with --dry-run to see the failing step.';
  return zoneError('KERNEL_STEP_FAILED', message, { hint, context });
}

/** EDQUOT is not in node's table. */
const edquot = 122;

function nameOfErrno(errno: number): string {
  if (errno === edquot) return 'EDQUOT';
  return errno > 0 ? getSystemErrorName(-errno) : '';
}

/** For messages: one lower-case line. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
