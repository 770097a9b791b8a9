/** A pool's own place: its two directories, and the file that they may lie in. */
import { existsSync } from 'node:fs';
import { open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { mkdir, readdir, rm, rmdir, stat } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';
import { counted } from '../spec/count.js';
import { diskFull, isErrno } from '../state/index.js';
import { btrfs, mountPool } from './btrfs-tool.js';
import type { Pool } from './driver.js';
import { asDiskFull, growMountedFile, isSaid } from './grow-file.js';
import { blanksOf } from './loop-layers.js';
import { loopDeviceOf, unmountFile } from './loop-mount.js';
import { poolGone } from './pool-errors.js';

const places = ({ path }: Pool) => [join(path, 'volumes'), join(path, 'layers')];

/** Below it only root can look. @throws RESOURCE_DISK_FULL, POOL_UNUSABLE, HOST_TOOL_MISSING */
export async function makePool(pool: Pool, sizeBytes: number | undefined): Promise<void> {
  if (pool.file !== undefined) await makeFile(pool.file, sizeBytes ?? 0);
  await mountPool(pool);
  try {
    await mkdir(pool.path, { recursive: true, mode: 0o700 });
    for (const path of places(pool)) await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (isErrno(error, 'EROFS', 'EACCES', 'ENOTDIR')) throw notWritable(pool, error);
    throw diskFull(error, pool.path);
  }
  if (pool.file !== undefined) await btrfs(['quota', 'enable', pool.path]);
}

async function makeFile(file: string, sizeBytes: number): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.truncate(sizeBytes).finally(() => handle.close());
  } catch (error) {
    throw diskFull(error, file);
  }
  for (let tries = 1; ; tries += 1) {
    try {
      await runTool({ tool: 'mkfs.btrfs', args: ['--quiet', '--nodiscard', file], package: 'btrfs-progs' });
      return;
    } catch (error) {
      // It asks every loop device that is mounted whether it has this file, and stumbles over one that goes meanwhile.
      if (tries === mostTries || !isSaid(error, /cannot check mount status/i)) throw asDiskFull(error, file);
    }
  }
}

const mostTries = 5;

/** Nothing can be made in it from now on. @throws POOL_IN_USE, POOL_UNUSABLE */
export async function emptyPool(pool: Pool): Promise<void> {
  await mountPool(pool);
  if (!existsSync(pool.path)) throw poolGone(pool);
  for (const path of places(pool)) {
    await rmdir(path).catch(async (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return;
      if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw inUse(pool, (await readdir(path)).length);
      throw error;
    });
  }
}

/** The reverse, as long as the pool is there. */
export async function refillPool(pool: Pool): Promise<void> {
  await mountPool(pool);
  if (!existsSync(pool.path)) return;
  for (const path of places(pool)) await mkdir(path, { recursive: true, mode: 0o700 });
}

/** What is left of one that is empty. A directory that was there before us stays. */
export async function removePoolFiles(pool: Pool, isOurs: boolean): Promise<void> {
  const { path, file } = pool;
  if (file !== undefined) {
    // In this order: who lists pools meanwhile mounts what is not mounted and there.
    await rm(file, { force: true });
    return unmountFile(path);
  }
  const gone = (error: unknown) => {
    if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) throw error;
  };
  if (pool.driver === 'loop') await rm(blanksOf(pool), { recursive: true, force: true });
  for (const one of places(pool)) await rmdir(one).catch(gone);
  if (isOurs) await rmdir(path).catch(gone);
}

/** Done already is success. @throws POOL_CANNOT */
export async function growPool(pool: Pool, sizeBytes: number): Promise<void> {
  const { file, path, name } = pool;
  if (file === undefined) return;
  await mountPool(pool);
  if ((await stat(file)).size > sizeBytes) {
    throw zoneError('POOL_CANNOT', `pool "${name}" can grow, but not shrink`, {
      hint: `See "tszone pool inspect ${name}" for its size.`,
      context: { pool: name, sizeBytes },
    });
  }
  await truncate(file, sizeBytes);
  const device = await loopDeviceOf(file);
  if (device === undefined) throw poolGone(pool);
  await growMountedFile(device);
  await btrfs(['filesystem', 'resize', 'max', path]);
}

function notWritable({ name, path }: Pool, cause: unknown): Error {
  return zoneError('POOL_UNUSABLE', `pool "${name}" cannot be made at "${path}"`, {
    hint: 'Pass --path with a directory on a disk that can be written.',
    context: { pool: name, path },
    cause,
  });
}

function inUse({ name }: Pool, count: number): Error {
  return zoneError('POOL_IN_USE', `pool "${name}" holds ${counted(count, 'volume')} or frozen layers`, {
    hint: `Delete its zones and snapshots first, or move them: tszone set ZONE --pool default.`,
    context: { pool: name, zones: [] },
  });
}
