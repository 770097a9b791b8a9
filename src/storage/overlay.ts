/** Volumes that are directories, on any file system. Nothing has to be mounted for them. */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { chmod, mkdir, rm } from '../host/quick-fs.js';
import { defaultPoolName, diskFull, isErrno } from '../state/index.js';
import type { DriverAbilities, Pool, StorageDriver, VolumeLimits } from './driver.js';
import {
  beginLayerDirectory,
  dressRoot,
  endLayerDirectory,
  freezeDirectory,
  isUntouchedDirectory,
  layerTree,
  listLayerDirectories,
  mergeLayerDirectories,
  removeLayerDirectory,
} from './overlay-layers.js';
import { poolGone } from './pool-errors.js';
import { boundTree, hasProjectQuota, treeQuota, unboundTree } from './project-quota.js';
import { requireFits } from './require-fit.js';

const noQuota = 'its file system keeps no project quotas (ext4 or xfs, mounted with prjquota)';

export const overlayDriver: StorageDriver = {
  name: 'overlay',
  movesBounds: true,
  abilities,
  freezes: 'copy',
  directory,
  layerDirectory: layerTree,
  layersBelow: (from) => from,
  create: async (pool, volume, { from, ...limits }) => {
    if (isBounded(limits)) await requireQuota(pool);
    await makeVolume(pool, volume);
    const [top] = from;
    if (top !== undefined) await dressRoot(join(directory(pool, volume), 'upper'), layerTree(pool, top));
    if (isBounded(limits)) await boundTree(directory(pool, volume), limits);
  },
  remove: async (pool, volume) => {
    const path = directory(pool, volume);
    await unboundTree(path, pool.path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  },
  resize: (pool, volume, limits) => boundTree(directory(pool, volume), limits),
  checkResize: async (pool, volume, change) => {
    if (isBounded(change.limits)) await requireQuota(pool);
    await requireFits(change, () => treeQuota(directory(pool, volume)));
  },
  needsOpen: () => false,
  open: async () => {},
  close: async () => {},
  mountPoints: () => [],
  freeze: (pool, volume, layer, options) => freezeDirectory(pool, directory(pool, volume), layer, options),
  isUntouched: (pool, volume, layers) => isUntouchedDirectory(pool, directory(pool, volume), layers),
  merge: mergeLayerDirectories,
  beginLayer: beginLayerDirectory,
  endLayer: endLayerDirectory,
  removeLayer: removeLayerDirectory,
  listLayers: listLayerDirectories,
  usage: (pool, volume) => treeQuota(directory(pool, volume)),
};

async function abilities(pool: Pool): Promise<DriverAbilities> {
  const quota = (await hasProjectQuota(pool.path)) || noQuota;
  return { quota, inodes: quota, showsQuota: true, freeze: overlayDriver.freezes };
}

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

const isBounded = ({ diskBytes, inodes }: VolumeLimits) => diskBytes !== undefined || inodes !== undefined;

/** @throws POOL_CANNOT */
async function requireQuota(pool: Pool): Promise<void> {
  if (await hasProjectQuota(pool.path)) return;
  throw zoneError('POOL_CANNOT', `pool "${pool.name}" cannot bound what a zone writes: ${noQuota}`, {
    hint: 'Run "tszone pool create bounded --driver loop", then pass --pool bounded.',
    context: { pool: pool.name, driver: pool.driver },
  });
}
