/** Pools, on disk: `pools/NAME.json`. Its presence means that the pool exists. The pool `default` is always there, and has none. */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { rm } from '../host/quick-fs.js';
import { type DriverName, nearest, type ZoneSpec } from '../spec/index.js';
import { corrupt, makeStateDirectory, readJson, syncDirectory, type Versioned, writeJson } from './json-file.js';
import { namesIn } from './names-in.js';
import type { Roots } from './roots.js';

export interface PoolRecord extends Versioned {
  readonly version: 1;
  readonly name: string;
  readonly driver: DriverName;
  /** Absolute. A directory, or with `isFile` a file that holds a file system. */
  readonly path: string;
  readonly isFile: boolean;
  /** The directory was made for it, and goes with it. */
  readonly isOurs: boolean;
  readonly createdAtMs: number;
}

export const defaultPoolName = 'default';

/** What a spec says of the pool is where the zone lies, whatever it said before. */
export function specInPool(spec: ZoneSpec, pool: string): ZoneSpec {
  if ((spec.pool ?? defaultPoolName) === pool) return spec;
  const { pool: _before, ...rest } = spec;
  return pool === defaultPoolName ? rest : { ...rest, pool };
}

const directoryOf = ({ root }: Roots) => join(root, 'pools');
const pathOf = (roots: Roots, name: string) => join(directoryOf(roots), `${name}.json`);

/** What stands for a pool where zones' names stand: among locks and journals. No zone can be called so. */
export const poolLockName = (name: string): string => `@${name}`;

/** Not that of the default pool. */
export async function findPool(roots: Roots, name: string): Promise<PoolRecord | undefined> {
  const record = await readJson<PoolRecord>(pathOf(roots, name), 1);
  if (record !== undefined && (typeof record.driver !== 'string' || typeof record.path !== 'string'))
    throw corrupt(pathOf(roots, name), 'is no record of a pool');
  return record;
}

/** @throws POOL_NOT_FOUND with the nearest name */
export async function readPool(roots: Roots, name: string): Promise<PoolRecord> {
  const record = await findPool(roots, name);
  if (record !== undefined) return record;
  const near = nearest(name, await poolNames(roots));
  throw zoneError('POOL_NOT_FOUND', `pool "${name}" does not exist`, {
    hint: near === undefined ? 'See "tszone pool list".' : `Did you mean "${near}"? See "tszone pool list".`,
    context: { pool: name, ...(near === undefined ? {} : { nearest: near }) },
  });
}

/** Sorted, the default pool among them. */
export async function poolNames(roots: Roots): Promise<string[]> {
  const files = await namesIn(directoryOf(roots));
  const names = files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));
  return [...names, defaultPoolName].sort();
}

/** Call with the pool's lock held. */
export async function writePool(roots: Roots, record: PoolRecord): Promise<void> {
  await makeStateDirectory(directoryOf(roots));
  await writeJson(pathOf(roots, record.name), record);
}

/** The same. Not there is success. */
export async function removePool(roots: Roots, name: string): Promise<void> {
  if ((await findPool(roots, name)) === undefined) return;
  await rm(pathOf(roots, name), { force: true });
  await syncDirectory(directoryOf(roots));
}
