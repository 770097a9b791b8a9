/** `pool grow`: a pool that is a file of its own, while its zones run. */
import { zoneError } from '../errors/index.js';
import { formatSize } from '../spec/index.js';
import { poolLockName } from '../state/index.js';
import type { Pool, StorageOp } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { type PoolSummary, summarizePool, zonesByPool } from './pool-list.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { findPoolOf } from './zone-storage.js';

/** @throws POOL_NOT_FOUND, POOL_CANNOT it has no size of its own, or is larger */
export async function growPool(
  host: HostContext,
  name: string,
  sizeBytes: number,
  options: OperationOptions = {},
): Promise<PoolSummary> {
  const { roots } = host;
  await using _lock = await lockZone(host, poolLockName(name), options);
  const pool = await findPoolOf(roots, name);
  const ops = planPoolGrow(pool, sizeBytes);
  // Killed in between it is completed: growing what has grown is nothing.
  const kind = { operation: 'pool grow', recovery: 'forward', completeIfRunning: false, place: 'disk' } as const;
  await requireGrowable(pool, sizeBytes);
  await runTransaction({ ...kind, roots, zone: poolLockName(name), ops, signal: options.signal }, async () => {});
  return await summarizePool(pool, (await zonesByPool(host)).get(name) ?? []);
}

/** @throws POOL_CANNOT */
export function planPoolGrow(pool: Pool, sizeBytes: number): readonly StorageOp[] {
  if (pool.file !== undefined) return [{ op: 'storage.pool-grow', pool, sizeBytes }];
  const how =
    pool.driver === 'loop'
      ? 'Its zones do: tszone set ZONE --disk 20G.'
      : 'Enlarge the file system that it lies on, or make a pool with "tszone pool create big --driver btrfs --size 20G".';
  throw zoneError('POOL_CANNOT', `pool "${pool.name}" has no size of its own`, {
    hint: how,
    context: { pool: pool.name, driver: pool.driver },
  });
}

/** @throws POOL_CANNOT */
async function requireGrowable(pool: Pool, sizeBytes: number): Promise<void> {
  const { sizeBytes: now } = await summarizePool(pool, []);
  if (now === undefined || sizeBytes >= now) return;
  throw zoneError('POOL_CANNOT', `pool "${pool.name}" has ${formatSize(now)} already, and cannot shrink`, {
    hint: `Pass --size with more than ${formatSize(now)}.`,
    context: { pool: pool.name, sizeBytes: now },
  });
}
