/** One lock a zone, taken by the operation that changes it. */
import { acquireLock, type Lock } from './lock.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

export interface OperationOptions {
  /** Ends every wait; what was begun is taken back. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another command on the same zone, milliseconds; 30,000 if not given. */
  readonly timeoutMs?: number | undefined;
}

/** @throws LOCK_BUSY */
export async function acquireZoneLock(roots: Roots, zone: string, options: OperationOptions): Promise<Lock> {
  const { timeoutMs, signal } = options;
  return acquireLock(zonePaths(roots, zone).lock, { what: `zone "${zone}"`, timeoutMs, signal });
}
