/**
 * Frozen layers that are read-only snapshots of a subvolume: each shows all that its zone had written since the volume was made, so below it
 * belongs only what lay below that: nothing, but for a zone that came with its layers.
 */
import { join } from 'node:path';
import { chmod, lstat, mkdir, readdir, rm } from '../host/quick-fs.js';
import { diskFull, syncDirectory } from '../state/index.js';
import { isThere, mountPool, onSubvolume, removeSubvolume } from './btrfs-tool.js';
import type { FreezeOptions, Frozen, Pool } from './driver.js';

const layersOf = (pool: Pool) => join(pool.path, 'layers');
export const layerPath = (pool: Pool, layer: string): string => join(layersOf(pool), layer);
export const volumePath = (pool: Pool, volume: string): string => join(pool.path, 'volumes', volume);

/** The kernel takes along what is still on its way to the disk, and commits: that is what takes the time. */
export async function freezeSubvolume(
  pool: Pool,
  path: string,
  layer: string,
  { hold = (work) => work(), isVolume = false }: FreezeOptions,
): Promise<Frozen> {
  await mountPool(pool);
  const to = isVolume ? volumePath(pool, layer) : layerPath(pool, layer);
  const manner = isVolume ? 'writable' : 'read-only';
  if (!(await isThere(to))) await hold(() => onSubvolume('snapshot', path, to, manner));
  return { how: 'copied', copiedBytes: 0 };
}

/** A volume that can be written. */
export async function thawLayer(pool: Pool, layer: string, path: string): Promise<void> {
  await onSubvolume('snapshot', layerPath(pool, layer), path, 'writable');
}

/**
 * What a zone needs that is there by itself only in a copy of one; on disk, if it had to be made: the kernel commits what it copies, and no new subvolume.
 */
export async function dressVolume(path: string): Promise<void> {
  await setMode(path, 0o700);
  let isNew = false;
  // The mark of an overlay that never synced would keep any other from using it (overlayfs.rst); what else is there the next one removes by itself.
  if (await isThere(join(path, 'work/work/incompat'))) await rm(join(path, 'work'), { recursive: true, force: true });
  for (const [name, mode] of [
    ['upper', 0o755],
    ['work', 0o700],
  ] as const) {
    if (await isThere(join(path, name))) continue;
    await mkdir(join(path, name), { mode });
    await setMode(join(path, name), mode);
    isNew = true;
  }
  if (isNew) await syncDirectory(path);
}

async function setMode(path: string, mode: number): Promise<void> {
  if (((await lstat(path)).mode & 0o7777) !== mode) await chmod(path, mode);
}

export async function beginSubvolume(pool: Pool, layer: string): Promise<string> {
  await mountPool(pool);
  const [path, tree] = [layerPath(pool, layer), join(layerPath(pool, layer), 'upper')];
  try {
    if (!(await isThere(path))) await onSubvolume('create', path);
    await mkdir(tree, { recursive: true, mode: 0o755 });
    await chmod(tree, 0o755);
    return tree;
  } catch (error) {
    throw diskFull(error, path);
  }
}

export async function endSubvolume(pool: Pool, layer: string): Promise<void> {
  await onSubvolume('read-only', layerPath(pool, layer));
}

export async function removeSnapshot(pool: Pool, layer: string): Promise<void> {
  await mountPool(pool);
  await removeSubvolume(layerPath(pool, layer), 'committed');
}

export async function listSnapshots(pool: Pool): Promise<string[]> {
  await mountPool(pool);
  return readdir(layersOf(pool));
}
