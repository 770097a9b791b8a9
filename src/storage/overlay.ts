/** Volumes that are directories, on any file system. Nothing has to be mounted for them. */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { chmod, mkdir, rm } from '../host/quick-fs.js';
import { defaultPoolName, diskFull, isErrno } from '../state/index.js';
import type { Pool, StorageDriver, VolumeLimits } from './driver.js';
import {
  dressRoot,
  freezeDirectory,
  isUntouchedDirectory,
  layerTree,
  listLayerDirectories,
  mergeLayerDirectories,
  removeLayerDirectory,
} from './overlay-layers.js';
import { poolGone } from './pool-errors.js';
import { treeUsage } from './tree-usage.js';

const noQuota = 'its file system has no project quotas';

export const overlayDriver: StorageDriver = {
  name: 'overlay',
  abilities: async () => ({ quota: noQuota, inodes: noQuota, showsQuota: true, freeze: 'copy' }),
  directory,
  layerDirectory: layerTree,
  create: async (pool, volume, { from, ...limits }) => {
    refuseLimits(pool, limits);
    await makeVolume(pool, volume);
    const [top] = from;
    if (top !== undefined) await dressRoot(join(directory(pool, volume), 'upper'), layerTree(pool, top));
    return from;
  },
  remove: (pool, volume) => rm(directory(pool, volume), { recursive: true, force: true, maxRetries: 3 }),
  resize: async (pool, _volume, limits) => refuseLimits(pool, limits),
  needsOpen: () => false,
  open: async () => {},
  close: async () => {},
  mountPoints: () => [],
  freeze: (pool, volume, layer, options) => freezeDirectory(pool, directory(pool, volume), layer, options),
  isUntouched: (pool, volume, layers) => isUntouchedDirectory(pool, directory(pool, volume), layers),
  merge: mergeLayerDirectories,
  removeLayer: removeLayerDirectory,
  listLayers: listLayerDirectories,
  usage: (pool, volume) => treeUsage(join(directory(pool, volume), 'upper')),
};

/** A zone of the default pool takes its volume along when it is renamed. */
function directory(pool: Pool, volume: string): string {
  return pool.name === defaultPoolName ? `${pool.path}/zones/${volume}/rootfs` : `${pool.path}/volumes/${volume}`;
}

async function makeVolume(pool: Pool, volume: string): Promise<void> {
  const path = directory(pool, volume);
  try {
    await makeDirectory(path, 0o700);
    await makeDirectory(join(path, 'upper'), 0o755);
    await makeDirectory(join(path, 'work'), 0o700);
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? poolGone(pool, error) : diskFull(error, path);
  }
}

/** Not its parents: without them the pool is not there. What the caller's umask took away comes back. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode }).catch((error: unknown) => {
    if (!isErrno(error, 'EEXIST')) throw error;
  });
  await chmod(path, mode);
}

function refuseLimits(pool: Pool, { diskBytes, inodes }: VolumeLimits): void {
  if (diskBytes === undefined && inodes === undefined) return;
  throw zoneError('POOL_CANNOT', `pool "${pool.name}" cannot bound what a zone writes: ${noQuota}`, {
    hint: 'Run "tszone pool create big --driver loop", and put the zone there with --pool big.',
    context: { pool: pool.name, driver: pool.driver },
  });
}
