/**
 * Volumes that are subvolumes, bounded by quota groups. By the program: two calls of 5 ms when a zone is made, none when it starts.
 */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { chmod, lstat, mkdir, rm } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';
import { diskFull, isErrno } from '../state/index.js';
import type { DriverAbilities, Pool, VolumeDriver, VolumeLimits, VolumeUsage } from './driver.js';
import { asDiskFull, isSaid } from './grow-file.js';
import { isMountPoint, mountFile } from './loop-mount.js';
import { poolGone } from './pool-errors.js';

const otherPool = 'Put the zone into a loop pool: "tszone pool create big --driver loop", then --pool big.';
const switchOn = ({ path }: Pool) => `Run "btrfs quota enable ${path}" first.`;
const noInodes = 'btrfs has no bound on the number of files';

export const btrfsDriver: VolumeDriver = {
  name: 'btrfs',
  movesBounds: true,
  abilities,
  directory,
  layerDirectory: (pool, layer) => join(pool.path, 'layers', layer, 'upper'),
  create: async (pool, volume, { from, ...limits }) => {
    await make(pool, volume, limits);
    return from;
  },
  remove: async (pool, volume) => {
    await mountPool(pool);
    await removeSubvolume(pool, directory(pool, volume));
  },
  resize: async (pool, volume, limits) => {
    await mountPool(pool);
    await bound(pool, volume, limits);
  },
  checkResize: async (pool, _volume, { limits }) => {
    const { quota } = await abilities(pool);
    if (limits.inodes !== undefined) throw cannot(pool, noInodes, otherPool);
    if (quota !== true && limits.diskBytes !== undefined) throw cannot(pool, quota, switchOn(pool));
  },
  needsOpen: (pool) => pool.file !== undefined,
  open: (pool) => mountPool(pool),
  // All zones of the pool have it mounted together.
  close: async () => {},
  mountPoints: () => [],
  usage,
};

export const btrfs = (args: readonly string[]) =>
  runTool({ tool: 'btrfs', args, package: 'btrfs-progs' }).catch((error: unknown) => {
    throw asDiskFull(error, args.at(-1) ?? '');
  });

/** Of a pool that is a file: once after each boot. @throws POOL_UNUSABLE */
export async function mountPool(pool: Pool): Promise<void> {
  const { file, path } = pool;
  if (file === undefined || isMountPoint(path)) return;
  if ((await lstat(file).catch(() => undefined)) === undefined) throw poolGone(pool);
  await mountFile({ file, target: path, type: 'btrfs', options: ['noatime', 'discard=async'] });
}

function directory(pool: Pool, volume: string): string {
  return join(pool.path, 'volumes', volume);
}

async function abilities(pool: Pool): Promise<DriverAbilities> {
  await mountPool(pool);
  const quota = (await hasQuotas(pool)) || quotasOff(pool);
  return { quota, inodes: noInodes, showsQuota: false, freeze: 'instant' };
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

async function make(pool: Pool, volume: string, limits: VolumeLimits): Promise<void> {
  await mountPool(pool);
  const path = directory(pool, volume);
  await lstat(join(pool.path, 'volumes')).catch((error: unknown) => {
    throw isErrno(error, 'ENOENT') ? poolGone(pool, error) : error;
  });
  if (!(await isThere(path))) await btrfs(['subvolume', 'create', path]);
  await chmod(path, 0o700);
  try {
    for (const [name, mode] of [
      ['upper', 0o755],
      ['work', 0o700],
    ] as const) {
      await mkdir(join(path, name), { recursive: true, mode });
      await chmod(join(path, name), mode);
    }
  } catch (error) {
    throw diskFull(error, path);
  }
  if (limits.diskBytes !== undefined || limits.inodes !== undefined) await bound(pool, volume, limits);
}

/** @throws POOL_CANNOT */
async function bound(pool: Pool, volume: string, { diskBytes, inodes }: VolumeLimits): Promise<void> {
  if (inodes !== undefined) throw cannot(pool, noInodes, otherPool);
  await btrfs(['qgroup', 'limit', diskBytes === undefined ? 'none' : String(diskBytes), directory(pool, volume)]).catch(
    async (error: unknown) => {
      if (await hasQuotas(pool)) throw error;
      // Without quotas there is nothing to take away.
      if (diskBytes !== undefined) throw cannot(pool, quotasOff(pool), switchOn(pool));
    },
  );
}

function cannot({ name, driver }: Pool, why: string, hint: string): Error {
  return zoneError('POOL_CANNOT', `pool "${name}" cannot do that: ${why}`, { hint, context: { pool: name, driver } });
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Newer kernels (6.12) drop the quota group of a subvolume when they have cleaned it up, and refuse it before; older ones never do. */
async function removeSubvolume(pool: Pool, path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  // A directory of another kind: a killed command's.
  if (found.ino !== subvolumeInode) return rm(path, { recursive: true, force: true });
  const id = (await btrfs(['inspect-internal', 'rootid', path])).stdout.trim();
  // With a commit, so that its space comes back, and its quota group goes, now and not half a minute later.
  await btrfs(['subvolume', 'delete', '--commit-after', path]);
  await btrfs(['qgroup', 'destroy', `0/${id}`, pool.path]).catch((error: unknown) => {
    if (!isSaid(error, /busy|no such file|not enabled|not connected|not found/i)) throw error;
  });
}

/** BTRFS_FIRST_FREE_OBJECTID: the root of each subvolume. */
const subvolumeInode = 256;

/** As of now: what is not yet on disk is not counted by the kernel. */
async function usage(pool: Pool, volume: string): Promise<VolumeUsage> {
  await mountPool(pool);
  if (!(await hasQuotas(pool))) return {};
  const { stdout } = await btrfs(['qgroup', 'show', '--sync', '-f', '-r', '--raw', directory(pool, volume)]);
  const [, bytes, , limit] = stdout.trim().split('\n').at(-1)?.trim().split(/\s+/) ?? [];
  return { bytes: Number(bytes), ...(limit === 'none' ? {} : { bytesLimit: Number(limit) }) };
}
