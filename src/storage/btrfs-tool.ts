/** The btrfs program, and what needs it on any subvolume. */
import { lstat, rm } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';
import type { Pool } from './driver.js';
import { asDiskFull, isSaid } from './grow-file.js';
import { isMountPoint, mountFile } from './loop-mount.js';
import { poolGone } from './pool-errors.js';

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

export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Newer kernels (6.12) drop the quota group of a subvolume when they have cleaned it up, and refuse it before; older ones never do. */
export async function removeSubvolume(pool: Pool, path: string): Promise<void> {
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
