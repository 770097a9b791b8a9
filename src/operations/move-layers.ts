/** A zone's frozen layers, and its snapshots', on their way to another pool. */
import { randomBytes } from 'node:crypto';
import { type Roots, readSnapshots, type SnapshotRecord, type StateOp, specInPool } from '../state/index.js';
import type { StorageOp } from '../storage/index.js';
import { newLayerId } from './freeze-zone.js';
import { planSweep } from './snapshot-delete.js';
import type { ZoneVolume } from './zone-storage.js';

export interface LayersMove {
  /** Taken back if one fails: copies. */
  readonly make: readonly StorageOp[];
  /** Below the zone's volume, topmost first. */
  readonly chain: readonly string[];
  /** Those that lie there now. */
  readonly snapshots: readonly SnapshotRecord[];
  /** The snapshots name the copies, before the zone's record does. */
  readonly rename: readonly StateOp[];
  /** What nobody is made of then. */
  readonly sweep: readonly StorageOp[];
}

/** Each layer once, whoever is made of it. */
export async function planLayersMove(
  roots: Roots,
  zone: string,
  from: ZoneVolume,
  to: ZoneVolume,
): Promise<LayersMove> {
  const snapshots = (await readSnapshots(roots, zone)).filter(({ pool }) => pool === from.pool.name);
  const ids = new Map<string, string>();
  for (const layer of [from.layers, ...snapshots.map(({ layers }) => layers)].flat())
    if (!ids.has(layer)) ids.set(layer, newLayerId());
  const named = (layers: readonly string[]) => layers.map((layer) => ids.get(layer) ?? layer);
  return {
    make: [...ids].flatMap(([layer, copy]): StorageOp[] => [
      { op: 'storage.layer', roots, pool: to.pool, layer: copy },
      {
        op: 'storage.layer-copy',
        from: { pool: from.pool, layer },
        to: { pool: to.pool, layer: copy },
        id: randomBytes(8).toString('hex'),
      },
    ]),
    chain: named(from.layers),
    snapshots,
    rename: snapshots.map((snapshot) => ({
      op: 'state.snapshot-save',
      roots,
      zone,
      // Nothing is known any more of the files that it was copied from.
      record: {
        ...snapshot,
        pool: to.pool.name,
        spec: specInPool(snapshot.spec, to.pool.name),
        layers: named(snapshot.layers),
        isCopy: false,
      },
    })),
    sweep: await planSweep(roots, [{ pool: from.pool.name, layers: [...ids.keys()] }]),
  };
}
