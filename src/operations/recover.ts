/** Finishing what a killed command left: back to what was before, or forward to what was asked, never in between. */
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { applyHostOp } from '../plan/index.js';
import {
  acquireZoneLock,
  dropJournal,
  isErrno,
  type Journal,
  journaledZones,
  type Roots,
  readJournals,
  readRunning,
  zoneNames,
  zonePaths,
} from '../state/index.js';
import { settledRunning } from './running-state.js';
import { settleZone } from './settle-zone.js';
import { undoAll } from './transaction.js';

/**
 * All zones with a journal whose lock is free; a busy one is being worked on. What cannot be finished now keeps no
 * command from other zones: it is said by the next command on its own zone.
 */
export async function recoverInterrupted(roots: Roots): Promise<void> {
  for (const zone of [...(await journaledZones(roots)), ...(await leftLocks(roots))]) {
    if (await isLivingEphemeral(roots, zone)) continue;
    try {
      await using _lock = await acquireZoneLock(roots, zone, { timeoutMs: 0 });
      await recoverZone(roots, zone);
    } catch {
      // Busy, or its undo failed: see above.
    }
  }
}

/** Spares the lock: there may be a thousand of them. */
async function isLivingEphemeral(roots: Roots, zone: string): Promise<boolean> {
  const journals = await readJournals(roots, zone).catch(() => []);
  const isKept = journals.length === 1 && journals[0]?.keepWhileRunning === true;
  return isKept && (await readRunning(roots, zone)) !== undefined;
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
  for (const journal of await readJournals(roots, zone)) {
    if (journal.keepWhileRunning === true && !(await settleZone(roots, zone))) continue;
    await finish(roots, journal);
    await dropJournal(roots, journal);
  }
}

async function finish(roots: Roots, journal: Journal): Promise<void> {
  if (journal.recovery === 'forward') {
    for (const op of journal.ops) await applyHostOp(op);
    return;
  }
  if (journal.completeIfRunning && (await settledRunning(roots, journal.zone))) return;
  const [failure] = await undoAll(journal.ops);
  if (failure !== undefined) throw failure;
}
