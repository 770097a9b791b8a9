/** Reads and writes of control files, and what their errnos mean. Synchronous: each takes some 20 µs, less than a thread hop. */
import { closeSync, constants, mkdirSync, openSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { zoneError } from '../errors/index.js';

/** The errno's name of a system error: `EBUSY`; `undefined` for anything else, our own errors too. */
export function errnoName(error: unknown): string | undefined {
  return error instanceof Error && 'errno' in error && 'code' in error ? String(error.code) : undefined;
}

/** The text without its last newline, or `undefined` if the file is not there (or its group is being removed: ENODEV). */
export function readControl(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP'].includes(errnoName(error) ?? '')) return undefined;
    throw error;
  }
}

/** One write(2): the kernel takes a value only as a whole. The newline makes an empty value a write, too. */
export function writeControl(path: string, value: string): void {
  writeControls(path, [value]);
}

/** One write each. */
export function writeControls(path: string, values: readonly string[]): void {
  // Without O_CREAT: the kernel would answer EACCES for a file that it does not have.
  const fd = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
  try {
    for (const value of values) writeSync(fd, `${value}\n`);
  } finally {
    closeSync(fd);
  }
}

/** True if it was made, false if it was there. @throws the system error otherwise, ENOENT without its parent. */
export function makeGroup(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return false;
    throw error;
  }
}

/** True if it is gone, false if it is in use. */
export function removeGroup(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const name = errnoName(error);
    if (name === 'ENOENT') return true;
    if (name === 'EBUSY' || name === 'ENOTEMPTY') return false;
    throw error;
  }
}

/** What failed, as KERNEL_STEP_FAILED with step, syscall, errno and path; anything that is no system error unchanged. */
export function stepError(step: string, path: string, error: unknown, purpose?: string): unknown {
  const errno = errnoName(error);
  if (errno === undefined || !(error instanceof Error)) return error;
  const system = error as NodeJS.ErrnoException;
  const what = purpose === undefined ? `cgroup "${path}"` : `${purpose} in "${path}"`;
  return zoneError('KERNEL_STEP_FAILED', `${step} failed for the ${what}: ${errno}`, {
    hint: meaningOf(errno, path),
    context: { step, syscall: system.syscall ?? '', errno, path },
    cause: error,
  });
}

function meaningOf(errno: string, path: string): string {
  const file = basename(path);
  switch (errno) {
    case 'EBUSY':
      if (file.startsWith('memory.'))
        return 'More memory is in use than the new limit; ask for more, or stop what uses it first.';
      if (file === 'cgroup.subtree_control') {
        return `Move the processes of "${dirname(path)}" into a group below it: a group with processes of its own cannot hand controllers down.`;
      }
      return `See which processes are left with "cat ${path}/cgroup.procs".`;
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return 'Run as root; in a container, pass "--privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw".';
    case 'EINVAL':
    case 'ERANGE':
      return file.startsWith('cpuset.')
        ? 'Ask for CPUs that "cat /sys/devices/system/cpu/online" lists.'
        : 'Ask for a value that this kernel takes.';
    case 'ENOENT':
      return 'See "tszone doctor": the kernel has no such control file, or the group has been removed by another tool.';
    case 'ENOSPC':
    case 'EAGAIN':
      if (file.startsWith('cpuset.')) return 'Ask for CPUs that are online and in the group above.';
      return 'Remove cgroups that are not needed: a limit on their number is reached.';
    default:
      return 'See "tszone doctor".';
  }
}
