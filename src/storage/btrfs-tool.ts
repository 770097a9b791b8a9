/** What is done on a btrfs: by its program, and, where that would be what takes the time, by the helper (native/subvolume.c). */
import { runSubvolume } from '../helper/index.js';
import { lstat, rm } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';
import type { Pool } from './driver.js';
import { asDiskFull } from './grow-file.js';
import { isMountPoint, mountFile } from './loop-mount.js';
import { poolGone } from './pool-errors.js';
import { requireDone } from './tool-failed.js';

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

/** @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED */
export async function onSubvolume(...args: readonly string[]): Promise<void> {
  const [what = '', path = ''] = args;
  requireDone(await runSubvolume(args), { step: `subvolume ${what}`, path, what: 'the btrfs did not do it' });
}

/**
 * @param when `committed`: its space, and its quota group, are on their way back when this returns, and not half a minute later; `soon`: that has
 * begun
 */
export async function removeSubvolume(path: string, when: 'soon' | 'committed'): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  // A directory of another kind: a killed command's.
  if (found.ino !== subvolumeInode) return rm(path, { recursive: true, force: true });
  await onSubvolume('delete', path, when);
}

/** BTRFS_FIRST_FREE_OBJECTID: the root of each subvolume. */
const subvolumeInode = 256;
