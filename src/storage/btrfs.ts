/**
 * Volumes that are subvolumes, bounded by quota groups.
 */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { lstat } from '../host/quick-fs.js';
import { diskFull, isErrno } from '../state/index.js';
import {
  beginSubvolume,
  dressVolume,
  endSubvolume,
  freezeSubvolume,
  layerPath,
  listSnapshots,
  removeSnapshot,
  thawLayer,
  volumePath,
} from './btrfs-layers.js';
import { btrfs, isThere, mountPool, onSubvolume, removeSubvolume } from './btrfs-tool.js';
import type { DriverAbilities, Pool, StorageDriver, VolumeLimits, VolumeUsage, VolumeWish } from './driver.js';
import { isSaid } from './grow-file.js';
import { poolGone } from './pool-errors.js';
import { requireFits } from './require-fit.js';

const otherPool = 'Put the zone into a loop pool: "tszone pool create big --driver loop", then --pool big.';
const switchOn = ({ path }: Pool) => `Run "btrfs quota enable ${path}" first.`;
const noInodes = 'btrfs has no bound on the number of files';

export const btrfsDriver: StorageDriver = {
  name: 'btrfs',
  movesBounds: true,
  abilities,
  freezes: 'instant',
  directory: volumePath,
  layerDirectory: (pool, layer) => join(layerPath(pool, layer), 'upper'),
  layersBelow: (from) => from.slice(1),
  create: make,
  remove: async (pool, volume, { isSoon = false } = {}) => {
    await mountPool(pool);
    await removeSubvolume(volumePath(pool, volume), isSoon ? 'soon' : 'committed');
  },
  resize: async (pool, volume, limits) => {
    await mountPool(pool);
    await bound(pool, volume, limits);
  },
  checkResize: async (pool, volume, change) => {
    const { limits } = change;
    const { quota } = await abilities(pool);
    if (limits.inodes !== undefined) throw cannot(pool, noInodes, otherPool);
    if (quota !== true && limits.diskBytes !== undefined) throw cannot(pool, quota, switchOn(pool));
    await requireFits(change, () => usage(pool, volume));
  },
  needsOpen: (pool) => pool.file !== undefined,
  open: (pool) => mountPool(pool),
  // All zones of the pool have it mounted together.
  close: async () => {},
  mountPoints: () => [],
  isUntouched: async () => false,
  freeze: (pool, volume, layer, options) => freezeSubvolume(pool, volumePath(pool, volume), layer, options),
  beginLayer: beginSubvolume,
  endLayer: endSubvolume,
  removeLayer: removeSnapshot,
  listLayers: listSnapshots,
  usage,
};

async function abilities(pool: Pool): Promise<DriverAbilities> {
  await mountPool(pool);
  const quota = (await hasQuotas(pool)) || quotasOff(pool);
  return { quota, inodes: noInodes, showsQuota: false, freeze: btrfsDriver.freezes };
}

const quotasOff = ({ path }: Pool) => `quotas of that btrfs are off; "btrfs quota enable ${path}" switches them on`;

async function hasQuotas({ path }: Pool): Promise<boolean> {
  return btrfs(['qgroup', 'show', '--raw', path]).then(
    () => true,
    (error: unknown) => {
      if (isSaid(error, /quotas? not enabled|not connected/i)) return false;
      throw error;
    },
  );
}

async function make(pool: Pool, volume: string, { from: [top], ...limits }: VolumeWish): Promise<void> {
  await mountPool(pool);
  const path = volumePath(pool, volume);
  await lstat(join(pool.path, 'volumes')).catch((error: unknown) => {
    throw isErrno(error, 'ENOENT') ? poolGone(pool, error) : error;
  });
  if (!(await isThere(path))) {
    if (top === undefined) await onSubvolume('create', path);
    else await thawLayer(pool, top, path);
  }
  try {
    await dressVolume(path);
  } catch (error) {
    throw diskFull(error, path);
  }
  if (limits.diskBytes !== undefined || limits.inodes !== undefined) await bound(pool, volume, limits);
}

/** @throws POOL_CANNOT */
async function bound(pool: Pool, volume: string, { diskBytes, inodes }: VolumeLimits): Promise<void> {
  if (inodes !== undefined) throw cannot(pool, noInodes, otherPool);
  await onSubvolume('limit', volumePath(pool, volume), String(diskBytes ?? 0)).catch(async (error: unknown) => {
    if (await hasQuotas(pool)) throw error;
    // Without quotas there is nothing to take away.
    if (diskBytes !== undefined) throw cannot(pool, quotasOff(pool), switchOn(pool));
  });
}

function cannot({ name, driver }: Pool, why: string, hint: string): Error {
  return zoneError('POOL_CANNOT', `pool "${name}" cannot do that: ${why}`, { hint, context: { pool: name, driver } });
}

/** As of now: what is not yet on disk is not counted by the kernel. */
async function usage(pool: Pool, volume: string): Promise<VolumeUsage> {
  await mountPool(pool);
  if (!(await hasQuotas(pool))) return {};
  const { stdout } = await btrfs(['qgroup', 'show', '--sync', '-f', '-r', '--raw', volumePath(pool, volume)]);
  const [, bytes, , limit] = stdout.trim().split('\n').at(-1)?.trim().split(/\s+/) ?? [];
  return { bytes: Number(bytes), ...(limit === 'none' ? {} : { bytesLimit: Number(limit) }) };
}
