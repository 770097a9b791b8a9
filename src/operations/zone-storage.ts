/** Where a zone's volume is, from its record. */
import { randomBytes } from 'node:crypto';
import type { EnterOp } from '../helper/index.js';
import type { ZoneSpec } from '../spec/index.js';
import { defaultPoolName, type Roots, readPool, type ZoneRecord, type ZoneStorage } from '../state/index.js';
import { defaultPool, driverOf, type Pool, poolOf, type StorageOp, type VolumeDriver } from '../storage/index.js';

export interface ZoneVolume {
  readonly pool: Pool;
  readonly driver: VolumeDriver;
  /** As the driver calls it. */
  readonly volume: string;
  /** Frozen layers, topmost first. */
  readonly layers: readonly string[];
}

/** @throws POOL_NOT_FOUND */
export async function findPoolOf(roots: Roots, name: string): Promise<Pool> {
  return name === defaultPoolName ? defaultPool(roots) : poolOf(roots, await readPool(roots, name));
}

/** Nothing is read for a zone of the default pool. @throws POOL_NOT_FOUND */
export async function volumeOf(
  roots: Roots,
  { spec, storage }: Pick<ZoneRecord, 'storage'> & { readonly spec: Pick<ZoneSpec, 'name'> },
): Promise<ZoneVolume> {
  const pool = await findPoolOf(roots, storage?.pool ?? defaultPoolName);
  const isDefault = pool.name === defaultPoolName;
  const volume = isDefault ? spec.name : (storage?.volume ?? '');
  return { pool, driver: driverOf(pool), volume, layers: storage?.layers ?? [] };
}

/** The directory with `upper` and `work`. */
export const directoryOf = ({ pool, driver, volume }: ZoneVolume): string => driver.directory(pool, volume);

/** Trees of the frozen layers, topmost first. */
export const frozenLayersOf = ({ pool, driver, volume, layers }: ZoneVolume): string[] =>
  layers.map((layer) => driver.layerDirectory(pool, layer, volume));

export interface StoragePart {
  /** Host side, before the launch. */
  readonly prepare: readonly StorageOp[];
  /** For the monitor, when the zone has ended. */
  readonly exit: readonly EnterOp[];
}

/** Nothing, where the volume is a plain directory. */
export function planOpen({ pool, driver, volume, layers }: ZoneVolume): StoragePart {
  if (!driver.needsOpen(pool)) return { prepare: [], exit: [] };
  const opening = { id: volume, volume, layers };
  return { prepare: [{ op: 'storage.open', pool, ...opening }], exit: [] };
}

/** For a zone in the making. Absent in the default pool. */
export function newStorage(pool: string): { readonly storage?: ZoneStorage } {
  if (pool === defaultPoolName) return {};
  return { storage: { pool, volume: randomBytes(8).toString('hex'), layers: [] } };
}
