/**
 * Frozen layers that are read-only snapshots of a subvolume: each shows all that its zone had written since the volume was made, so below it
 * belongs only what lay below that: nothing, but for a zone that came with its layers.
 */
import { join } from 'node:path';
import { chmod, mkdir, readdir, rename, rm } from '../host/quick-fs.js';
import { diskFull } from '../state/index.js';
import { isThere, mountPool, onSubvolume, removeSubvolume } from './btrfs-tool.js';
import type { FreezeOptions, Frozen, Pool } from './driver.js';

const layersOf = (pool: Pool) => join(pool.path, 'layers');
export const layerPath = (pool: Pool, layer: string): string => join(layersOf(pool), layer);

/** The kernel takes along what is still on its way to the disk, and commits: that is what takes the time. */
export async function freezeSubvolume(
  pool: Pool,
  path: string,
  layer: string,
  { hold = (work) => work(), isTaken = false }: FreezeOptions,
): Promise<Frozen> {
  await mountPool(pool);
  const to = layerPath(pool, layer);
  const manner = isTaken ? 'writable' : 'read-only';
  if (!(await isThere(to))) await hold(() => onSubvolume('snapshot', path, to, manner));
  return { how: 'copied', copiedBytes: 0 };
}

/** A volume that can be written. */
export async function thawLayer(pool: Pool, layer: string, path: string): Promise<void> {
  await onSubvolume('snapshot', layerPath(pool, layer), path, 'writable');
  await forgetWork(path);
}

/** The layer itself, which was made for that: one that is copied and then deleted costs a commit more. */
export async function takeLayer(pool: Pool, layer: string, path: string): Promise<void> {
  const from = layerPath(pool, layer);
  await forgetWork(from);
  await rename(from, path);
}

/** What an overlay had there is another one's: the mark of one that never synced, for example. */
const forgetWork = (path: string) => rm(join(path, 'work'), { recursive: true, force: true });

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
