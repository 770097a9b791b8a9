/** `pool delete`: of a pool in which nothing is. */
import { zoneError } from '../errors/index.js';
import { defaultPoolName, findPool, type PoolRecord, poolLockName, type StateOp } from '../state/index.js';
import { poolOf, type StorageOp } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { nearestPool, zonesByPool } from './pool-list.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

export interface PoolDeleteOptions extends OperationOptions {
  /** Also one whose place is not there any more: it is forgotten. */
  readonly force?: boolean;
}

export interface PoolDeleteResult {
  readonly name: string;
  /** false: there was no such pool. */
  readonly deleted: boolean;
  /** Then: the pool that may have been meant. */
  readonly nearest?: string;
}

/** What is not there is success. @throws POOL_IN_USE, POOL_UNUSABLE without force */
export async function deletePool(
  host: HostContext,
  name: string,
  options: PoolDeleteOptions = {},
): Promise<PoolDeleteResult> {
  const { roots } = host;
  await using _lock = await lockZone(host, poolLockName(name), options);
  const record = await requireDeletable(host, name);
  if (record === undefined) {
    const near = await nearestPool(host, name);
    return { name, deleted: false, ...(near === undefined ? {} : { nearest: near }) };
  }
  const { close, remove } = planPoolDelete(host, record);
  const kind = {
    operation: 'pool delete',
    completeIfRunning: false,
    place: 'disk',
    roots,
    zone: poolLockName(name),
  } as const;
  const finish = () => runTransaction({ ...kind, recovery: 'forward', ops: remove }, async () => {});
  try {
    // From here on nothing can be made in it; then the same journal says that it goes.
    await runTransaction({ ...kind, recovery: 'back', ops: close, signal: options.signal }, finish);
  } catch (error) {
    if (options.force !== true || !isGone(error)) throw error;
    await finish();
  }
  return { name, deleted: true };
}

const isGone = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'POOL_UNUSABLE';

/** @throws POOL_IN_USE */
export async function requireDeletable(host: HostContext, name: string): Promise<PoolRecord | undefined> {
  if (name === defaultPoolName) {
    throw zoneError('POOL_IN_USE', 'the default pool is always there', {
      hint: 'Zones that name no pool are kept in it.',
      context: { pool: name, zones: [] },
    });
  }
  const zones = (await zonesByPool(host)).get(name) ?? [];
  if (zones.length > 0) {
    throw zoneError('POOL_IN_USE', `zones are kept in pool "${name}": ${zones.join(', ')}`, {
      hint: `Delete them first, or move them: tszone set ${zones[0]} --pool default.`,
      context: { pool: name, zones },
    });
  }
  return findPool(host.roots, name);
}

export function planPoolDelete(
  { roots }: HostContext,
  record: PoolRecord,
): { readonly close: readonly StorageOp[]; readonly remove: readonly (StateOp | StorageOp)[] } {
  const pool = poolOf(roots, record);
  return {
    close: [{ op: 'storage.pool-empty', pool }],
    remove: [
      { op: 'state.pool-forget', roots, name: record.name },
      { op: 'storage.pool-remove', pool, isOurs: record.isOurs },
    ],
  };
}
