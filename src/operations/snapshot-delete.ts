/** `snapshot delete`. */
import { nearest } from '../spec/index.js';
import {
  findSnapshot,
  type Roots,
  readZone,
  type SnapshotRecord,
  type StateOp,
  snapshotNames,
  snapshotPaths,
  withReserve,
} from '../state/index.js';
import type { StorageOp } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { unmountViews } from './snapshot-mount.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { findPoolOf } from './zone-storage.js';

export interface SnapshotDeleted {
  readonly zone: string;
  readonly snapshot: string;
  /** false: there was no such snapshot. */
  readonly deleted: boolean;
  /** Then: the one that may have been meant. */
  readonly nearest?: string;
}

/** What is not there is success. @throws ZONE_NOT_FOUND, SNAPSHOT_IN_USE, LOCK_BUSY */
export async function deleteSnapshot(
  host: HostContext,
  { zone, snapshot }: { readonly zone: string; readonly snapshot: string },
  options: OperationOptions = {},
): Promise<SnapshotDeleted> {
  await using _lock = await lockZone(host, zone, options);
  await readZone(host.roots, zone);
  const record = await findSnapshot(host.roots, zone, snapshot);
  if (record === undefined) {
    const near = nearest(snapshot, await snapshotNames(host.roots, zone));
    return { zone, snapshot, deleted: false, ...(near === undefined ? {} : { nearest: near }) };
  }
  await removeSnapshots(host.roots, zone, [record]);
  return { zone, snapshot, deleted: true };
}

/** Call with the zone's lock held. Killed in between, the next command completes it. */
export async function removeSnapshots(roots: Roots, zone: string, records: readonly SnapshotRecord[]): Promise<void> {
  if (records.length === 0) return;
  for (const record of records) await unmountViews(roots, zone, record);
  const kind = { recovery: 'forward', completeIfRunning: false, place: 'disk' } as const;
  const ops = await planRemoveSnapshots(roots, zone, records);
  const transaction = { operation: 'snapshot delete', zone, ...kind, roots, ops };
  await withReserve(roots, () => runTransaction(transaction, async () => {}));
}

/** The records go first: from then on nothing is made of the layers. */
export async function planRemoveSnapshots(
  roots: Roots,
  zone: string,
  records: readonly SnapshotRecord[],
): Promise<(StateOp | StorageOp)[]> {
  const paths = records.flatMap((record) => snapshotPaths(roots, zone, record));
  return [...paths.map((path) => ({ op: 'state.remove', path }) as const), ...(await planSweep(roots, records))];
}

/** Layers that may be nobody's afterwards. */
export async function planSweep(
  roots: Roots,
  makers: readonly { readonly pool: string; readonly layers: readonly string[] }[],
): Promise<StorageOp[]> {
  const byPool = new Map<string, string[]>();
  for (const { pool, layers } of makers) byPool.set(pool, [...(byPool.get(pool) ?? []), ...layers]);
  const ops: StorageOp[] = [];
  for (const [name, layers] of byPool) {
    if (layers.length === 0) continue;
    ops.push({ op: 'storage.sweep', roots, pool: await findPoolOf(roots, name), layers: [...new Set(layers)] });
  }
  return ops;
}
