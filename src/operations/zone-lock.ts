/** The zone's lock, with what a killed command left of the zone finished first. */
import { acquireZoneLock, dropLeftLink, type Lock, type OperationOptions } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { recoverZone } from './recover.js';

export type { OperationOptions } from '../state/index.js';

/** @throws LOCK_BUSY */
export async function lockZone(host: HostContext, zone: string, options: OperationOptions = {}): Promise<Lock> {
  const lock = await acquireZoneLock(host.roots, zone, options);
  try {
    await recoverZone(host.roots, zone);
    await dropLeftLink(host.roots, zone);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}
