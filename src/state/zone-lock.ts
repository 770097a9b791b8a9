/** One lock a zone, taken by the operation that changes it. */
import { dropLeftLink, type Journal, journalLocks, readJournals } from './journal.js';
import { acquireLock, type Lock } from './lock.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';
import { findZone } from './zones.js';

export interface OperationOptions {
  /** Ends every wait; what was begun is taken back. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another command on the same zone, milliseconds; 30,000 if not given. */
  readonly timeoutMs?: number | undefined;
}

/** Of a zone that does not exist, or no longer, no file is left when the lock is released. @throws LOCK_BUSY */
export async function acquireZoneLock(roots: Roots, zone: string, options: OperationOptions): Promise<Lock> {
  const { timeoutMs, signal } = options;
  const path = zonePaths(roots, zone).lock;
  const lock = await acquireLock(path, { what: nounOf(zone), timeoutMs, signal });
  const release = async () => {
    // An unreadable record belongs to a zone all the same; what is wrong with it is for the operation to say.
    const exists = await findZone(roots, zone).then(
      (record) => record !== undefined,
      () => true,
    );
    await (exists ? lock.release() : lock.releaseAndRemove());
  };
  return { release, releaseAndRemove: lock.releaseAndRemove, [Symbol.asyncDispose]: release };
}

const nounOf = (name: string) => (name.startsWith('@') ? `pool "${name.slice(1)}"` : `zone "${name}"`);

/** Locks of several zones. */
export interface ZoneLocks extends Lock {
  readonly zones: readonly string[];
  /** Of the zone that was asked for, as they are while these are held. */
  readonly journals: readonly Journal[];
}

/**
 * The zone's lock, and those of all zones that its journals name: what is needed to work them off. Taken in one order for
 * all, so that nobody waits for somebody who waits. @throws LOCK_BUSY, STATE_CORRUPT a journal cannot be read
 */
export async function acquireJournalLocks(roots: Roots, zone: string, options: OperationOptions): Promise<ZoneLocks> {
  let zones = [zone];
  for (;;) {
    const locks = await acquireAll(roots, zones, options);
    try {
      const journals = await readJournals(roots, zone);
      const needed = [...new Set([zone, ...journals.flatMap(journalLocks)])].sort();
      if (needed.every((one) => zones.includes(one))) {
        await dropLeftLink(roots, zone);
        return { ...locks, journals };
      }
      zones = needed;
    } catch (error) {
      await locks.release();
      throw error;
    }
    await locks.release();
  }
}

async function acquireAll(
  roots: Roots,
  zones: readonly string[],
  options: OperationOptions,
): Promise<Omit<ZoneLocks, 'journals'>> {
  const held: Lock[] = [];
  const release = async () => {
    for (const lock of held.splice(0).reverse()) await lock.release();
  };
  try {
    for (const zone of zones) held.push(await acquireZoneLock(roots, zone, options));
  } catch (error) {
    await release();
    throw error;
  }
  return { zones, release, releaseAndRemove: release, [Symbol.asyncDispose]: release };
}
