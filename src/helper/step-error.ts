/** From the helper's error event to a ZoneError. */
import { getSystemErrorName } from 'node:util';
import { type ZoneError, zoneError } from '../errors/index.js';
import type { EnterOp, HelperEvent } from './protocol.js';

type ErrorEvent = Extract<HelperEvent, { event: 'error' }>;

const hints: Readonly<Record<string, string>> = {
  EPERM: 'Run "tszone doctor" to see what this kernel or the surrounding container does not permit.',
  EACCES: 'Check the permissions of the path, and that it is not on a file system mounted noexec.',
  ENOENT: 'Check that the path exists, and that the program it names (and its interpreter) is in the image.',
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
  ENOSYS: 'This kernel is too old for the call; run "tszone doctor".',
  ESRCH: 'The zone has ended meanwhile; see "tszone status" and start it again.',
  ENOEXEC: 'The file is no program that this kernel can run: check its architecture and its first line (#!).',
};

const diskFull = ['ENOSPC', 'EDQUOT'];

/** Exit status for a step's failure, as the helper itself ends with: 126 and 127 as shells use them, else 125. */
export function statusOfStep(step: string, errnoName: string): number {
  if (!step.startsWith('exec.') || errnoName === '') return 125;
  return errnoName === 'ENOENT' || errnoName === 'ENOTDIR' ? 127 : 126;
}

/**
 * KERNEL_STEP_FAILED; RESOURCE_DISK_FULL for ENOSPC and EDQUOT; LOCK_BUSY for a second monitor. `context`: step, op (the plan's own), syscall, errno,
 * errnoName, path, status (126 and 127 for a command that can't be run or found).
 */
export function stepError(event: ErrorEvent, ops: readonly EnterOp[]): ZoneError {
  const errnoName = event.errno > 0 ? getSystemErrorName(-event.errno) : '';
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
  if (diskFull.includes(errnoName)) {
    return zoneError('RESOURCE_DISK_FULL', message, {
      hint: 'Free space or inodes on the file system of the path.',
      context,
    });
  }
  const hint =
    hints[errnoName] ?? 'Run "tszone doctor", and repeat the command with --dry-run to see the failing step.';
  return zoneError('KERNEL_STEP_FAILED', message, { hint, context });
}

/** For messages: one lower-case line. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
