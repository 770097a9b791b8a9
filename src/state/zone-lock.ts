/** One lock a zone, taken by the operation that changes it. */
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
  const lock = await acquireLock(path, { what: `zone "${zone}"`, timeoutMs, signal });
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
