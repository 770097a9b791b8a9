/**
 * Many frozen layers become one, behind the scenes: each is one more directory to look through whenever a file is opened for the first
 * time, and the kernel takes only so many. No file is copied where layers are directories; snapshots that are made of the old layers keep them.
 */
import {
  type Roots,
  readSnapshots,
  readZone,
  type StateOp,
  type ZoneRecord,
  type ZoneStorage,
} from '../state/index.js';
import { layerDriverOf, type StorageOp } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { planSweep } from './snapshot-delete.js';
import { isViewed } from './snapshot-mount.js';
import { runInTwo } from './transaction.js';
import { volumeOf } from './zone-storage.js';

/** What that costs a start is in docs/internals/storage.md. */
export const mostLayers = 16;

/** What was left to be done later is no longer, long before the kernel would refuse (500 layers, or one page of options). */
export const utmostLayers = 2 * mostLayers;

/**
 * Call with the lock of a zone that is stopped.
 *
 * @param layer the name of the one layer that there will be
 */
export async function flattenLayers(
  roots: Roots,
  record: ZoneRecord,
  layer: string,
  most = mostLayers,
): Promise<ZoneRecord> {
  const { pool, layers } = await volumeOf(roots, record);
  const driver = layerDriverOf(pool);
  if (layers.length <= most || driver.merge === undefined) return record;
  const zone = record.spec.name;
  const storage: ZoneStorage = { pool: pool.name, volume: record.storage?.volume ?? '', layers: [layer] };
  const kind = { operation: 'flatten', zone, completeIfRunning: false, place: 'disk', roots } as const;
  const opening = { id: layer, layers };
  const make: StorageOp[] = [
    { op: 'storage.layer', roots, pool, layer },
    ...(driver.needsOpen(pool) ? [{ op: 'storage.open', pool, ...opening } as const] : []),
  ];
  await runInTwo({
    ...kind,
    back: make,
    forward: async () => {
      await driver.merge?.(pool, layer, layers);
      if (driver.needsOpen(pool)) await driver.close(pool, opening);
      boundary('flatten', zone, 'merged');
      return [
        ...(await planSame(roots, zone, { pool: pool.name, layers }, layer)),
        { op: 'state.zone-storage', roots, zone, storage },
        ...(await planSweep(roots, [{ pool: pool.name, layers }])),
      ];
    },
  });
  return readZone(roots, zone);
}

/** Its snapshots that are made of just these layers show the same with the one. */
async function planSame(
  roots: Roots,
  zone: string,
  { pool, layers }: Pick<ZoneStorage, 'pool' | 'layers'>,
  layer: string,
): Promise<StateOp[]> {
  const ops: StateOp[] = [];
  for (const record of await readSnapshots(roots, zone)) {
    if (record.pool !== pool || record.isCopy || record.layers.join() !== layers.join()) continue;
    if (await isViewed(roots, record)) continue;
    ops.push({ op: 'state.snapshot-save', roots, zone, record: { ...record, layers: [layer] } });
  }
  return ops;
}
