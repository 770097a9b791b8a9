/** Frozen layers that are directories: `layers/ID/tree`, which nobody writes to again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, utimes } from '../host/quick-fs.js';
import { diskFull, isErrno, makeStateDirectory, syncDirectory } from '../state/index.js';
import { copyTree } from './copy-tree.js';
import type { FreezeOptions, Frozen, Pool } from './driver.js';
import { runStep } from './tool-failed.js';

export const layersOf = (pool: Pool): string => join(pool.path, 'layers');
export const layerTree = (pool: Pool, layer: string): string => join(layersOf(pool), layer, 'tree');

/** @param path the volume: holds `upper` and `work` */
export async function freezeDirectory(
  pool: Pool,
  path: string,
  layer: string,
  options: FreezeOptions,
): Promise<Frozen> {
  const { hold, base, like } = options;
  if (hold !== undefined) {
    await makeStateDirectory(layersOf(pool));
    const from = join(path, 'upper');
    const copy = { from, layers: layersOf(pool), layer, base, signal: options.signal };
    return { how: 'copied', copiedBytes: await copyTree(copy, hold) };
  }
  await moveUpper(path, join(layersOf(pool), layer), typeof like === 'string' ? layerTree(pool, like) : like);
  return { how: 'moved', copiedBytes: 0 };
}

/**
 * What needs space comes first, so that a full disk changes nothing. Begun again after a kill anywhere, it ends as it would have.
 *
 * @param like the new top has this tree's owner, mode and times, or null: a new volume's; if not given, those of what is moved
 */
async function moveUpper(path: string, layer: string, like: string | null | undefined): Promise<void> {
  const [upper, next, tree] = [join(path, 'upper'), join(path, 'next'), join(layer, 'tree')];
  try {
    if (!existsSync(tree)) {
      await makeStateDirectory(layer);
      await mkdir(next, { recursive: true, mode: 0o700 });
      await rename(upper, tree);
    }
    if (!existsSync(upper)) {
      await mkdir(next, { recursive: true, mode: 0o700 });
      await dressRoot(next, like === undefined ? tree : like);
      await rename(next, upper);
    }
    await Promise.all([syncDirectory(layer), syncDirectory(path)]);
  } catch (error) {
    throw diskFull(error, path);
  }
}

/** The root of an overlay shows the owner, mode and times of its topmost directory. */
export async function dressRoot(path: string, like: string | null): Promise<void> {
  if (like === null) return chmod(path, 0o755);
  const { uid, gid, mode, atimeMs, mtimeMs } = await lstat(like);
  await chown(path, uid, gid);
  await chmod(path, mode & 0o7777);
  // As numbers: a Date has no microseconds.
  await utimes(path, atimeMs / 1000, mtimeMs / 1000);
}

/** @param path the volume */
export async function isUntouchedDirectory(pool: Pool, path: string, [below]: readonly string[]): Promise<boolean> {
  const upper = join(path, 'upper');
  const [names, own] = [await readdir(upper), await lstat(upper)];
  if (names.length > 0) return false;
  if (below === undefined) return own.uid === 0 && own.gid === 0 && (own.mode & 0o7777) === 0o755;
  const other = await lstat(layerTree(pool, below)).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
  const isSame = (key: 'uid' | 'gid' | 'mode') => other?.[key] === own[key];
  return isSame('uid') && isSame('gid') && isSame('mode');
}

export async function beginLayerDirectory(pool: Pool, layer: string): Promise<string> {
  await makeStateDirectory(join(layersOf(pool), layer));
  const tree = layerTree(pool, layer);
  await mkdir(tree, { recursive: true, mode: 0o755 }).catch((error: unknown) => {
    throw diskFull(error, tree);
  });
  await chmod(tree, 0o755);
  return tree;
}

export const endLayerDirectory = (pool: Pool, layer: string): Promise<void> =>
  syncDirectory(join(layersOf(pool), layer));

/** Not there is success. */
export async function removeLayerDirectory(pool: Pool, layer: string): Promise<void> {
  await rm(join(layersOf(pool), layer), { recursive: true, force: true, maxRetries: 3 });
}

export async function listLayerDirectories(pool: Pool): Promise<string[]> {
  return readdir(layersOf(pool)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
}

/** By hard links (native/merge.c). */
export async function mergeLayerDirectories(pool: Pool, layer: string, layers: readonly string[]): Promise<void> {
  const step = { step: 'merge', path: layersOf(pool), what: 'layers could not be merged' };
  await runStep('merge', ['--in', layersOf(pool), '--to', layer, ...layers], step);
}
