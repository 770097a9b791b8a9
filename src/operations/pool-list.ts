/** `pool list` and `pool inspect`. */
import { ZoneError } from '../errors/index.js';
import { stat, statfs } from '../host/quick-fs.js';
import { nearest } from '../spec/index.js';
import { defaultPoolName, poolNames, readZones } from '../state/index.js';
import { type DriverAbilities, type DriverName, driverOf, type Pool } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { allPools, findPoolOf } from './zone-storage.js';

export interface PoolSummary {
  readonly name: string;
  readonly driver: DriverName;
  /** Its directory, or the file that holds it. */
  readonly path: string;
  /** Of the file system that it lies on. */
  readonly sizeBytes?: number;
  readonly freeBytes?: number;
  /** Those that are in it, sorted. */
  readonly zones: readonly string[];
  /** Why it cannot be used now. */
  readonly problem?: string;
}

export interface PoolDetails extends PoolSummary {
  /** Where volumes lie; of a pool that is a file where it is mounted. */
  readonly directory: string;
  readonly abilities?: DriverAbilities;
}

/** A pool that cannot be used now is listed with the reason; one that is deleted meanwhile is not. */
export async function listPools(host: HostContext): Promise<PoolSummary[]> {
  const zones = await zonesByPool(host);
  return Promise.all((await allPools(host.roots)).map((pool) => summarizePool(pool, zones.get(pool.name) ?? [])));
}

/** @throws POOL_NOT_FOUND */
export async function inspectPool(host: HostContext, name: string): Promise<PoolDetails> {
  const pool = await findPoolOf(host.roots, name);
  const abilities = await driverOf(pool)
    .abilities(pool)
    .catch((error: unknown) => {
      if (error instanceof ZoneError) return undefined;
      throw error;
    });
  const summary = await summarizePool(pool, (await zonesByPool(host)).get(name) ?? []);
  return { ...summary, directory: pool.path, ...(abilities === undefined ? {} : { abilities }) };
}

/** Names of zones by pool. */
export async function zonesByPool({ roots }: HostContext): Promise<ReadonlyMap<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { spec, storage } of await readZones(roots)) {
    const pool = storage?.pool ?? defaultPoolName;
    found.set(pool, [...(found.get(pool) ?? []), spec.name]);
  }
  return found;
}

export async function summarizePool(pool: Pool, zones: readonly string[]): Promise<PoolSummary> {
  const { name, driver, path, file } = pool;
  const plain = { name, driver, path: file ?? path, zones };
  try {
    await driverOf(pool).open(pool, { id: name, layers: [] });
    const { blocks, bavail, bsize } = await statfs(path);
    return { ...plain, sizeBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    const size = await stat(file ?? path).catch(() => undefined);
    const problem = error instanceof ZoneError ? error.message : `"${file ?? path}" is not there`;
    return { ...plain, ...(file !== undefined && size !== undefined ? { sizeBytes: size.size } : {}), problem };
  }
}

export const nearestPool = async ({ roots }: HostContext, name: string): Promise<string | undefined> =>
  nearest(name, await poolNames(roots));
