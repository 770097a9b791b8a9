/** SECCOMP_RET_*, seccomp(2) and linux/seccomp.h. */
import { constants } from 'node:os';
import type { Action } from './policy.js';

export const killProcess: Action = 0x8000_0000;
export const killThread: Action = 0;
export const trap: Action = 0x0003_0000;
export const allow: Action = 0x7fff_0000;
export const log: Action = 0x7ffc_0000;
export const failWith = (errno: number): Action => 0x0005_0000 + errno;
/** The tracer is told; without one the call fails with ENOSYS. */
export const traceWith = (message: number): Action => 0x7ff0_0000 + message;

/** The largest that the kernel hands on: MAX_ERRNO. */
export const largestErrno = 4095;

/** EPERM → 1; `undefined` if there is no such error. */
export function errnoOf(name: string): number | undefined {
  return (constants.errno as Readonly<Record<string, number>>)[name];
}

const errno = (name: string) => failWith(errnoOf(name) ?? 0);
export const refuse = errno('EPERM');
export const unknownCall = errno('ENOSYS');
export const unknownFamily = errno('EAFNOSUPPORT');

/** By what the kernel lets win where several filters disagree: 0 is the most severe. */
export function severity(action: Action): number {
  const kind = action - (action & 0xffff);
  return severities.indexOf(kind);
}

const severities: readonly Action[] = [killProcess, killThread, trap, failWith(0), traceWith(0), log, allow];
