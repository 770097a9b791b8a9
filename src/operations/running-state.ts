/** Whether a zone runs, once that is certain; whether its monitor lives; and the end of one that has none. */

import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import {
  isEnding,
  isErrno,
  isLockHeld,
  type Roots,
  readFirstProcess,
  readPrepared,
  readRunning,
  zonePaths,
} from '../state/index.js';

const settleMs = 10_000;

/**
 * Whether the zone runs, once that is certain: a helper whose caller was killed is either about to write the running
 * record, or about to end.
 *
 * @throws WAIT_TIMEOUT the helper does neither
 */
export async function settledRunning(roots: Roots, zone: string, limitMs = settleMs): Promise<boolean> {
  return (await settledLife(roots, zone, limitMs)) === 'running';
}

/** prepared: everything of a start is there, but for the first exec. */
export type Life = 'running' | 'prepared' | 'ended';

/** @throws WAIT_TIMEOUT as settledRunning */
export async function settledLife(roots: Roots, zone: string, limitMs = settleMs): Promise<Life> {
  const paths = zonePaths(roots, zone);
  const deadline = performance.now() + limitMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    if ((await readRunning(roots, zone)) !== undefined) return 'running';
    if ((await readPrepared(roots, zone)) !== undefined) return 'prepared';
    if (!(await isMonitorAlive(paths.monitorLock)))
      return (await readRunning(roots, zone)) !== undefined ? 'running' : 'ended';
    if (performance.now() > deadline) break;
    await sleep(pauseMs);
  }
  throw zoneError('WAIT_TIMEOUT', `the monitor of zone "${zone}" neither starts nor ends`, {
    hint: `Look at ${paths.run} and end the process that holds ${paths.monitorLock}.`,
    context: { zone, path: paths.monitorLock },
  });
}

const endingMs = 1000;

/** Of a zone whose pid 1 is dead: returns when its monitor has written how it ended, or could have. */
export async function settleEnd(roots: Roots, zone: string, limitMs = endingMs): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let pauseMs = 1; await isEnding(roots, zone); pauseMs = Math.min(2 * pauseMs, 50)) {
    if (performance.now() > deadline) return;
    await sleep(pauseMs);
  }
}

/** The monitor holds its lock file as long as it lives, exit list included. */
export const isMonitorAlive = (monitorLock: string): Promise<boolean> => isLockHeld(monitorLock);

/**
 * Kills the zone's pid 1, and with it, by the kernel, every process of its pid namespace; returns when it is dead.
 * For a zone whose monitor does not do it. The caller has thawed it.
 *
 * @throws WAIT_TIMEOUT
 */
export async function killPid1(roots: Roots, zone: string): Promise<void> {
  const running = await readFirstProcess(roots, zone);
  if (running === undefined) return;
  try {
    process.kill(running.pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
  const deadline = performance.now() + settleMs;
  let pauseMs = 1;
  while ((await readFirstProcess(roots, zone)) !== undefined) {
    if (performance.now() > deadline) {
      throw zoneError('WAIT_TIMEOUT', `zone "${zone}" does not end, though it was killed`, {
        hint: `See "tszone ps ${zone}" for a process in uninterruptible sleep (state D).`,
        context: { zone, pid: running.pid },
      });
    }
    await sleep(pauseMs);
    pauseMs = Math.min(2 * pauseMs, 8);
  }
}
