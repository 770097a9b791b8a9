/** `pool create`: a place for what zones write, other than the zones' own directories. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { zoneError } from '../errors/index.js';
import { canIdmap } from '../host/index.js';
import { lstat, realpath } from '../host/quick-fs.js';
import { type DriverName, namePattern } from '../spec/index.js';
import {
  defaultPoolName,
  findPool,
  isErrno,
  makeStateDirectory,
  type PoolRecord,
  poolLockName,
  poolNames,
  type StateOp,
} from '../state/index.js';
import { poolOf, type StorageOp } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { type PoolSummary, summarizePool } from './pool-list.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

export interface PoolCreateOptions {
  readonly name: string;
  readonly driver: DriverName;
  /** A directory; with `sizeBytes` the file, or the directory that it is made in. One below the root if not given. */
  readonly path?: string | undefined;
  /** btrfs only: a file of that size holds the file system. */
  readonly sizeBytes?: number | undefined;
}

/** @throws USAGE_BAD_ARGUMENT, POOL_EXISTS, POOL_UNUSABLE, HOST_TOOL_MISSING, RESOURCE_DISK_FULL */
export async function createPool(
  host: HostContext,
  input: PoolCreateOptions,
  options: OperationOptions = {},
): Promise<PoolSummary> {
  checkPool(input);
  await using _lock = await lockZone(host, poolLockName(input.name), options);
  const { record, ops } = await planPoolCreate(host, input);
  const kind = { operation: 'pool create', recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  const zone = poolLockName(input.name);
  // Shared with other pools, so not this one's to take back.
  if (dirname(record.path) === filesDirectory(host)) await makeStateDirectory(filesDirectory(host));
  await runTransaction({ ...kind, roots: host.roots, zone, ops, signal: options.signal }, async () => {});
  return await summarizePool(poolOf(host.roots, record), []);
}

/** mkfs.btrfs(8): with anything less there is no room for its own trees. */
const leastBtrfsBytes = 128 * 1024 ** 2;

/** @throws USAGE_BAD_ARGUMENT */
function checkPool({ name, driver, path, sizeBytes }: PoolCreateOptions): void {
  if (!namePattern.test(name))
    throw badArgument(`"${name}" is not a name`, 'Use a-z 0-9 _ . -, at most 63, such as "fast".');
  if (sizeBytes !== undefined && driver !== 'btrfs') {
    const own = driver === 'loop' ? 'each zone has a size of its own (--disk)' : 'it is as large as its file system';
    throw badArgument(
      `a pool of the driver ${driver} has no --size: ${own}`,
      'Leave --size out, or pass --driver btrfs.',
    );
  }
  if (sizeBytes !== undefined && sizeBytes < leastBtrfsBytes)
    throw badArgument('a btrfs has at least 128 MB', 'Pass --size 1G, for example.');
  if (driver === 'btrfs' && path === undefined && sizeBytes === undefined)
    throw badArgument(
      'a btrfs pool needs a place',
      `Pass --size 20G for a file that holds it, or --path DIR with a directory on btrfs: tszone pool create ${name} --driver btrfs --size 20G`,
    );
}

export interface PoolCreatePlan {
  readonly record: PoolRecord;
  readonly ops: readonly (StateOp | StorageOp)[];
}

/** @throws POOL_EXISTS, POOL_UNUSABLE, USAGE_BAD_ARGUMENT */
export async function planPoolCreate(host: HostContext, input: PoolCreateOptions): Promise<PoolCreatePlan> {
  checkPool(input);
  const { roots } = host;
  const { name, driver, sizeBytes } = input;
  if (name === defaultPoolName || (await findPool(roots, name)) !== undefined)
    throw exists(`pool "${name}" exists already`, name);
  const isFile = sizeBytes !== undefined;
  const path = await placeFor(host, input);
  await refuseOverlap(host, name, path);
  const isOurs = isFile || !existsSync(path);
  if (!isFile) await requireUsable(host, driver, path);
  const record: PoolRecord = { version: 1, name, driver, path, isFile, isOurs, createdAtMs: Date.now() };
  const pool = poolOf(roots, record);
  return {
    record,
    ops: [
      { op: 'storage.pool-make', pool, sizeBytes, isOurs },
      { op: 'state.pool-write', roots, record },
    ],
  };
}

const filesDirectory = ({ roots }: HostContext) => join(roots.root, 'pool-files');

/** Links are resolved once: the pool stays where it is. @throws POOL_UNUSABLE, POOL_EXISTS */
async function placeFor(host: HostContext, { name, path, sizeBytes }: PoolCreateOptions): Promise<string> {
  const isFile = sizeBytes !== undefined;
  const own = isFile ? `${name}.img` : name;
  if (path === undefined) return join(filesDirectory(host), own);
  const wanted = resolve(path);
  const found = await lstat(wanted).catch(ifMissing);
  if (found === undefined) return join(await existingDirectory(dirname(wanted)), wanted.slice(dirname(wanted).length));
  const real = await existingDirectory(wanted);
  if (!isFile) return real;
  const file = join(real, own);
  if (existsSync(file)) throw exists(`"${file}" is there already`, name);
  return file;
}

async function existingDirectory(path: string): Promise<string> {
  const real = await realpath(path).catch(ifMissing);
  const found = real === undefined ? undefined : await lstat(real);
  if (real !== undefined && found?.isDirectory() === true) return real;
  const what = real === undefined ? 'does not exist' : 'is not a directory';
  throw unusable(path, what, real === undefined ? `Run "mkdir -p ${path}" first.` : 'Pass --path with a directory.');
}

function ifMissing(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  return undefined;
}

/** Two pools at one place would delete each other's volumes; one in a zone's files would be the zone's. */
async function refuseOverlap({ roots }: HostContext, name: string, path: string): Promise<void> {
  const inside = (one: string, other: string) => one === other || one.startsWith(`${other}/`);
  for (const own of ['zones', 'images', 'layers', 'journal', 'locks', 'pools'].map((part) => join(roots.root, part)))
    if (inside(path, own) || inside(own, path))
      throw unusable(path, `is tszone's own`, 'Pass --path with another directory.');
  for (const other of await poolNames(roots)) {
    if (other === defaultPoolName) continue;
    const record = await findPool(roots, other);
    if (record === undefined) continue;
    if (inside(path, record.path) || inside(record.path, path))
      throw exists(`pool "${other}" is at "${record.path}" already`, name);
  }
  for (const part of ['volumes', 'layers'])
    if (existsSync(join(path, part))) throw exists(`"${path}" has a directory "${part}": it is a pool already`, name);
}

/** What an overlay can have as its upper layer; of those that can be idmapped, see host/idmap.ts. */
const writableTypes = ['ext4', 'xfs', 'btrfs', 'tmpfs', 'f2fs'];

/** @throws POOL_UNUSABLE */
async function requireUsable({ facts }: HostContext, driver: DriverName, path: string): Promise<void> {
  const there = existsSync(path) ? path : dirname(path);
  if (driver === 'loop' || !existsSync(there)) return;
  const verdict = await canIdmap(there, facts.kernel);
  if (driver === 'btrfs' && verdict.fsType !== 'btrfs') {
    throw unusable(
      path,
      `is on ${verdict.fsType}, not on btrfs`,
      'Pass --size 20G for a file that holds a btrfs, or --path with a directory on btrfs.',
    );
  }
  if (!verdict.ok)
    throw unusable(path, `cannot be used: ${verdict.reason}`, 'Pass --path with a directory on ext4, xfs or btrfs.');
  if (!writableTypes.includes(verdict.fsType)) {
    throw unusable(
      path,
      `cannot be used: an overlay cannot write to ${verdict.fsType}`,
      'Pass --path with a directory on ext4, xfs or btrfs.',
    );
  }
}

function unusable(path: string, what: string, hint: string): Error {
  return zoneError('POOL_UNUSABLE', `"${path}" ${what}`, { hint, context: { path } });
}

function exists(message: string, name: string): Error {
  return zoneError('POOL_EXISTS', message, {
    hint: 'Choose another name and place; "tszone pool list" shows those that there are.',
    context: { pool: name },
  });
}

function badArgument(message: string, hint: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', message, { hint });
}
