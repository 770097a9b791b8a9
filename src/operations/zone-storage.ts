/** Where a zone's volume is, from its record. */
import { randomBytes } from 'node:crypto';
import { hasCode, zoneError } from '../errors/index.js';
import type { EnterOp } from '../helper/index.js';
import type { ZoneSpec } from '../spec/index.js';
import { defaultPoolName, poolNames, type Roots, readPool, type ZoneRecord, type ZoneStorage } from '../state/index.js';
import {
  type DriverAbilities,
  defaultPool,
  driverOf,
  type Pool,
  poolOf,
  type StorageOp,
  type VolumeDriver,
  type VolumeLimits,
} from '../storage/index.js';

export interface ZoneVolume {
  readonly pool: Pool;
  readonly driver: VolumeDriver;
  /** As the driver calls it. */
  readonly volume: string;
  /** Frozen layers, topmost first. */
  readonly layers: readonly string[];
  readonly limits: VolumeLimits;
}

/** @throws POOL_NOT_FOUND */
export async function findPoolOf(roots: Roots, name: string): Promise<Pool> {
  return name === defaultPoolName ? defaultPool(roots) : poolOf(roots, await readPool(roots, name));
}

/** By name, the default one among them. One that is deleted meanwhile is none. */
export async function allPools(roots: Roots): Promise<Pool[]> {
  const found = (await poolNames(roots)).map((name) => findPoolOf(roots, name).catch(unlessGone));
  return (await Promise.all(found)).filter((pool) => pool !== undefined);
}

function unlessGone(error: unknown): undefined {
  if (!hasCode(error, 'POOL_NOT_FOUND')) throw error;
}

/** Nothing is read for a zone of the default pool. @throws POOL_NOT_FOUND */
export async function volumeOf(
  roots: Roots,
  { spec, storage }: Pick<ZoneRecord, 'storage'> & { readonly spec: Pick<ZoneSpec, 'name' | 'disk' | 'inodes'> },
): Promise<ZoneVolume> {
  const pool = await findPoolOf(roots, storage?.pool ?? defaultPoolName);
  const isDefault = pool.name === defaultPoolName;
  const volume = isDefault ? spec.name : (storage?.volume ?? '');
  return { pool, driver: driverOf(pool), volume, layers: storage?.layers ?? [], limits: volumeLimits(spec) };
}

/** The directory with `upper` and `work`. */
export const directoryOf = ({ pool, driver, volume }: ZoneVolume): string => driver.directory(pool, volume);

/** Trees of the frozen layers, topmost first. */
export const frozenLayersOf = ({ pool, driver, volume, layers }: ZoneVolume): string[] =>
  layers.map((layer) => driver.layerDirectory(pool, layer, volume));

/** In the zone's own directory, with nothing that its file system knows of it: it comes and goes as that does. */
export const isPlain = ({ pool, limits }: ZoneVolume): boolean =>
  pool.name === defaultPoolName && limits.diskBytes === undefined && limits.inodes === undefined;

export const volumeLimits = ({ disk, inodes }: Pick<ZoneSpec, 'disk' | 'inodes'>): VolumeLimits => ({
  diskBytes: disk,
  inodes,
});

/** @param hintFor what is to be done, if that pool can @throws POOL_CANNOT with a pool that could */
export async function requireBounds(
  roots: Roots,
  pool: Pool,
  limits: VolumeLimits,
  hintFor: (other: string) => string = (other) => `Pass --pool ${other}.`,
): Promise<void> {
  if (limits.diskBytes === undefined && limits.inodes === undefined) return;
  const lacking = lackOf(await driverOf(pool).abilities(pool), limits);
  if (lacking === undefined) return;
  const other = await poolThatCan(roots, limits);
  const make = other === undefined ? 'Run "tszone pool create bounded --driver loop" first. ' : '';
  throw zoneError('POOL_CANNOT', `pool "${pool.name}" cannot bound what a zone writes: ${lacking}`, {
    hint: `${make}${hintFor(other ?? 'bounded')}`,
    context: { pool: pool.name, driver: pool.driver, ...(other === undefined ? {} : { other }) },
  });
}

function lackOf(abilities: DriverAbilities, { diskBytes, inodes }: VolumeLimits): string | undefined {
  const bytes = diskBytes === undefined || abilities.quota === true ? undefined : abilities.quota;
  const files = inodes === undefined || abilities.inodes === true ? undefined : abilities.inodes;
  return bytes ?? files;
}

/** A pool that cannot be used now is none. */
async function poolThatCan(roots: Roots, limits: VolumeLimits): Promise<string | undefined> {
  for (const pool of await allPools(roots)) {
    const abilities = await driverOf(pool)
      .abilities(pool)
      .catch(() => undefined);
    if (abilities !== undefined && lackOf(abilities, limits) === undefined) return pool.name;
  }
  return undefined;
}

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
  const exit = driver.mountPoints(pool, opening).map((path): EnterOp => ({ op: 'exit.umount', path }));
  return { prepare: [{ op: 'storage.open', pool, ...opening }], exit };
}

/** For a zone in the making. Absent in the default pool. */
export function newStorage(pool: string): { readonly storage?: ZoneStorage } {
  if (pool === defaultPoolName) return {};
  return { storage: { pool, volume: randomBytes(8).toString('hex'), layers: [] } };
}
