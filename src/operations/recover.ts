/** Finishing what a killed command left: back to what was before, or forward to what was asked, never in between. */

import { dirname } from 'node:path';
import { hasCode } from '../errors/index.js';
import { applyHostOp } from '../plan/index.js';
import {
  acquireJournalLocks,
  acquireZoneLock,
  dropJournal,
  holdsLock,
  type Journal,
  journaledZones,
  keepsParsedFiles,
  namesIn,
  type Roots,
  type RunningRecord,
  readJournals,
  readPrepared,
  readRunning,
  zoneNames,
  zonePaths,
} from '../state/index.js';
import { settledLife } from './running-state.js';
import { settleZone } from './settle-zone.js';
import { undoAll } from './transaction.js';
import { readLaunch } from './zone-ref.js';

/** For zones that the command is not about: long enough for a helper that is on its way. */
const othersLimitMs = 1000;

/** What a killed command left of a zone and nobody could finish yet. */
export interface Unfinished {
  readonly zone: string;
  readonly reason: string;
}

/**
 * All zones with a journal whose lock is free; a busy one is being worked on. What cannot be finished now keeps no
 * command from other zones: the next command on its own zone says why, and so does `doctor`.
 *
 * @returns what could not be worked off, and why
 */
export async function recoverInterrupted(roots: Roots): Promise<Unfinished[]> {
  const unfinished: Unfinished[] = [];
  for (const zone of [...(await journaledZones(roots)), ...(await leftLocks(roots))]) {
    if (holdsLock(zonePaths(roots, zone).lock) || (await isLivingEphemeral(roots, zone))) continue;
    try {
      await using locks = await acquireJournalLocks(roots, zone, { timeoutMs: 0 });
      await recoverZone(roots, zone, { limitMs: othersLimitMs, journals: locks.journals });
    } catch (error) {
      if (!hasCode(error, 'LOCK_BUSY'))
        unfinished.push({ zone, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return unfinished;
}

/** Spares the lock: there may be a thousand of them. */
async function isLivingEphemeral(roots: Roots, zone: string): Promise<boolean> {
  const journals = await readJournals(roots, zone).catch(() => []);
  if (journals.length !== 1 || journals[0]?.keepWhileRunning !== true) return false;
  return ((await readRunning(roots, zone)) ?? (await readPrepared(roots, zone))) !== undefined;
}

/** A process that lives long looks for left locks now and then: to list thousands of zones takes longer than to start one. */
const leftLocksEveryMs = 10_000;
/** Root → when. */
const lookedForLocks = new Map<string, number>();

/** Lock files without a zone: a delete was killed at its very end. Taking and releasing the lock removes the file. */
async function leftLocks(roots: Roots): Promise<string[]> {
  const now = performance.now();
  const looked = lookedForLocks.get(roots.root) ?? Number.NEGATIVE_INFINITY;
  if (keepsParsedFiles() && now - looked < leftLocksEveryMs) return [];
  lookedForLocks.set(roots.root, now);
  const files = await namesIn(dirname(zonePaths(roots, 'any').lock));
  if (files.length === 0) return [];
  const names = new Set(await zoneNames(roots));
  return files.map((file) => file.replace(/\.lock$/, '')).filter((zone) => !names.has(zone));
}

/** Call with the locks of all zones that its journals name (acquireJournalLocks), and with the journals, if they are known. */
export async function recoverZone(
  roots: Roots,
  zone: string,
  { limitMs, journals }: { readonly limitMs?: number; readonly journals?: readonly Journal[] } = {},
): Promise<void> {
  for (const journal of journals ?? (await readJournals(roots, zone))) {
    if (journal.keepWhileRunning === true && (await isKept(roots, zone, limitMs))) continue;
    await finish(roots, journal, limitMs);
    await dropJournal(roots, journal);
  }
}

/** It lives, or waits to: neither is to be deleted yet. */
async function isKept(roots: Roots, zone: string, limitMs: number | undefined): Promise<boolean> {
  return (await readPrepared(roots, zone)) !== undefined || !(await settleZone(roots, zone, { limitMs }));
}

async function finish(roots: Roots, journal: Journal, limitMs: number | undefined): Promise<void> {
  if (journal.recovery === 'forward') {
    for (const op of journal.ops) await applyHostOp(op);
    return;
  }
  if (journal.completeIfRunning && (await settledLife(roots, journal.zone, limitMs)) !== 'ended') return;
  const [failure] = await undoAll(journal.ops);
  if (failure !== undefined) throw failure;
}

/**
 * The record of a zone that runs. One that ended without a monitor to clean up after it is settled as its next start would do.
 */
export async function runningOrSettled(roots: Roots, zone: string): Promise<RunningRecord | undefined> {
  const running = await readRunning(roots, zone);
  if (running !== undefined || (await readLaunch(roots, zone)) === undefined) return running;
  if ((await readPrepared(roots, zone)) !== undefined) return undefined;
  try {
    await using _lock = await acquireZoneLock(roots, zone, { timeoutMs: 0 });
    await settleZone(roots, zone, { limitMs: othersLimitMs });
  } catch (error) {
    if (!hasCode(error, 'LOCK_BUSY', 'WAIT_TIMEOUT')) throw error;
  }
  return readRunning(roots, zone);
}
