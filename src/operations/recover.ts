/** Finishing what a killed command left: back to what was before, or forward to what was asked, never in between. */

import { open, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, zoneError } from '../errors/index.js';
import { flockFd } from '../helper/index.js';
import { applyHostOp } from '../plan/host-ops.js';
import {
  acquireZoneLock,
  dropJournal,
  isErrno,
  type Journal,
  journaledZones,
  type Roots,
  readJournal,
  readRunning,
  zoneNames,
  zonePaths,
} from '../state/index.js';
import { undoAll } from './transaction.js';

/** All zones with a journal whose lock is free. A busy one is being worked on. */
export async function recoverInterrupted(roots: Roots): Promise<void> {
  for (const zone of [...(await journaledZones(roots)), ...(await leftLocks(roots))]) {
    try {
      await using _lock = await acquireZoneLock(roots, zone, { timeoutMs: 0 });
      await recoverZone(roots, zone);
    } catch (error) {
      if (!hasCode(error, 'LOCK_BUSY')) throw error;
    }
  }
}

/** Lock files without a zone: a delete was killed at its very end. Taking and releasing the lock removes the file. */
async function leftLocks(roots: Roots): Promise<string[]> {
  const names = new Set(await zoneNames(roots));
  const files = await readdir(dirname(zonePaths(roots, 'any').lock)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return files.map((file) => file.replace(/\.lock$/, '')).filter((zone) => !names.has(zone));
}

/** Call with the zone's lock held. */
export async function recoverZone(roots: Roots, zone: string): Promise<void> {
  const journal = await readJournal(roots, zone);
  if (journal === undefined) return;
  if (journal.recovery === 'forward') {
    for (const op of journal.ops) await applyHostOp(op);
  } else if (!(journal.completeIfRunning && (await settledRunning(roots, zone)))) {
    await takeBack(journal);
  }
  await dropJournal(roots, journal);
}

async function takeBack(journal: Journal): Promise<void> {
  const [failure] = await undoAll(journal.ops);
  if (failure !== undefined) throw failure;
}

/**
 * Whether the zone runs, once that is certain: a helper whose caller was killed is either about to write the running
 * record, or about to end.
 *
 * @throws WAIT_TIMEOUT the helper does neither
 */
export async function settledRunning(roots: Roots, zone: string): Promise<boolean> {
  const paths = zonePaths(roots, zone);
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if ((await readRunning(roots, zone)) !== undefined) return true;
    if (!(await isMonitorAlive(paths.monitorLock))) return (await readRunning(roots, zone)) !== undefined;
    await sleep(Math.min(20, 1 + attempt));
  }
  throw zoneError('WAIT_TIMEOUT', `the monitor of zone "${zone}" neither starts nor ends`, {
    hint: `Look at ${paths.run} and end the process that holds ${paths.monitorLock}.`,
    context: { zone, path: paths.monitorLock },
  });
}

/** The monitor holds its lock file as long as it lives, exit list included. */
export async function isMonitorAlive(monitorLock: string): Promise<boolean> {
  const file = await open(monitorLock, 'r').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    return !(await flockFd(file.fd, 0));
  } finally {
    await file.close();
  }
}
