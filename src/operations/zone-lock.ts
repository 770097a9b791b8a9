/** The zone's lock, with what a killed command left of the zone finished first. */
import { acquireJournalLocks, type Lock, type OperationOptions } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { recoverZone } from './recover.js';

export type { OperationOptions } from '../state/index.js';

/**
 * What a killed rename left needs both names' locks; once it is worked off, only the zone's own is held.
 *
 * @throws LOCK_BUSY
 */
export async function lockZone(host: HostContext, zone: string, options: OperationOptions = {}): Promise<Lock> {
  for (;;) {
    const locks = await acquireJournalLocks(host.roots, zone, options);
    try {
      await recoverZone(host.roots, zone, { journals: locks.journals });
    } catch (error) {
      await locks.release();
      throw error;
    }
    if (locks.zones.length === 1) return locks;
    await locks.release();
  }
}
