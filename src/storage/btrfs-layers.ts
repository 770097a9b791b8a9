/**
 * Frozen layers that are read-only snapshots of a subvolume: each shows all that its zone had written since the volume was made, so below it
 * belongs only what lay below that: nothing, but for a zone that came with its layers.
 */
import { join } from 'node:path';
import { chmod, mkdir, readdir, rename, rm } from '../host/quick-fs.js';
import { diskFull } from '../state/index.js';
import { btrfs, isThere, mountPool, removeSubvolume } from './btrfs-tool.js';
import type { FreezeOptions, Frozen, Pool } from './driver.js';

const layersOf = (pool: Pool) => join(pool.path, 'layers');
export const layerPath = (pool: Pool, layer: string): string => join(layersOf(pool), layer);

/** The kernel takes along what is still on its way to the disk. */
export async function freezeSubvolume(
  pool: Pool,
  path: string,
  layer: string,
  { hold = (work) => work() }: FreezeOptions,
): Promise<Frozen> {
  await mountPool(pool);
  const to = layerPath(pool, layer);
  if (!(await isThere(to))) await hold(async () => void (await btrfs(['subvolume', 'snapshot', '-r', path, to])));
  return { how: 'copied', copiedBytes: 0 };
}

/** A volume that can be written. */
export async function thawLayer(pool: Pool, layer: string, path: string): Promise<void> {
  await btrfs(['subvolume', 'snapshot', layerPath(pool, layer), path]);
  await forgetWork(path);
}

/** The layer itself: one that is copied and then deleted costs a commit more. A directory that cannot be written cannot be moved. */
export async function takeLayer(pool: Pool, layer: string, path: string): Promise<void> {
  const from = layerPath(pool, layer);
  await btrfs(['property', 'set', '-t', 'subvol', from, 'ro', 'false']);
  await forgetWork(from);
  await rename(from, path);
}

/** What an overlay had there is another one's: the mark of one that never synced, for example. */
const forgetWork = (path: string) => rm(join(path, 'work'), { recursive: true, force: true });

export async function beginSubvolume(pool: Pool, layer: string): Promise<string> {
  await mountPool(pool);
  const [path, tree] = [layerPath(pool, layer), join(layerPath(pool, layer), 'upper')];
  try {
    if (!(await isThere(path))) await btrfs(['subvolume', 'create', path]);
    await mkdir(tree, { recursive: true, mode: 0o755 });
    await chmod(tree, 0o755);
    return tree;
  } catch (error) {
    throw diskFull(error, path);
  }
}

export async function endSubvolume(pool: Pool, layer: string): Promise<void> {
  await btrfs(['property', 'set', '-t', 'subvol', layerPath(pool, layer), 'ro', 'true']);
}

export async function removeSnapshot(pool: Pool, layer: string): Promise<void> {
  await mountPool(pool);
  await removeSubvolume(pool, layerPath(pool, layer));
}

export async function listSnapshots(pool: Pool): Promise<string[]> {
  await mountPool(pool);
  return readdir(layersOf(pool));
}
