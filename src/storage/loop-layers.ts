/** Frozen layers that are files with an ext4 each, mounted read-only while something is made of them. */
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode, zoneError } from '../errors/index.js';
import { chmod, lstat, mkdir, readdir, rm, stat, statfs } from '../host/quick-fs.js';
import { diskFull, syncDirectory } from '../state/index.js';
import { copyTreeSince } from './copy-tree.js';
import type { FreezeOptions, Frozen, Pool } from './driver.js';
import { makeExt4, readSuperblock } from './ext4.js';
import { mountFile, unmountFile } from './loop-mount.js';
import { runStep } from './tool-failed.js';

/** Sparse, so that only what is written takes space. */
export const defaultVolumeBytes = 10 * 1024 ** 3;

/** New file systems to be copied from (ext4-blanks.ts). */
export const blanksOf = (pool: Pool): string => join(pool.path, 'blanks');
const layersOf = (pool: Pool) => join(pool.path, 'layers');
export const layerFileOf = (pool: Pool, layer: string): string => join(layersOf(pool), `${layer}.img`);
const newLayerFileOf = (pool: Pool, layer: string) => `${layerFileOf(pool, layer)}.new`;
/** While it is being made. */
const makingOf = (pool: Pool, layer: string) => join(pool.mounts, `making-${layer}`);

export interface FrozenFile {
  /** The volume's. */
  readonly file: string;
  /** Where it is mounted, if it is. */
  readonly directory: string;
  /** Where an earlier copy of it is mounted. */
  readonly earlier?: string | undefined;
}

export async function freezeFile(
  pool: Pool,
  { file, directory, earlier }: FrozenFile,
  layer: string,
  { hold, signal }: FreezeOptions,
): Promise<Frozen> {
  if (hold === undefined) {
    await moveFile(pool, file, layer);
    return { how: 'moved', copiedBytes: 0 };
  }
  const [fresh, target] = [newLayerFileOf(pool, layer), makingOf(pool, layer)];
  try {
    await makeLike(pool, file, fresh);
    await mountFile({ file: fresh, target, type: 'ext4', options: ['noinit_itable'] });
    const remembers = earlier === undefined ? true : { since: join(earlier, 'copy/past') };
    const copy = { from: join(directory, 'upper'), layers: target, layer: 'copy', remembers, signal } as const;
    const { bytes, isSince } = await copyTreeSince(copy, hold);
    await rename(join(target, 'copy/tree'), join(target, 'upper'));
    await unmountFile(target);
    await rename(fresh, layerFileOf(pool, layer));
    await syncDirectory(layersOf(pool));
    return { how: 'copied', copiedBytes: bytes, isSince };
  } catch (error) {
    // While it is there: what is removed makes room.
    const reason = await fullBelow(error, fresh);
    await removeLayerFile(pool, layer);
    throw reason;
  }
}

/**
 * What a loop device cannot write, since its file takes more room and there is none, is said to be an I/O error.
 */
async function fullBelow(error: unknown, file: string): Promise<unknown> {
  const isIo = hasCode(error, 'KERNEL_STEP_FAILED') && error.context.errno === eio;
  const { bavail, bsize } = await statfs(dirname(file));
  if (!isIo || bavail * bsize > fullBytes) return diskFull(error, file);
  return zoneError('RESOURCE_DISK_FULL', `no space left for "${file}"`, {
    hint: 'Free space on the file system that it lies on, then repeat the command.',
    context: { path: file },
    cause: error,
  });
}
const [eio, fullBytes] = [5, 1 << 20];

/** Begun again after a kill anywhere, it ends as it would have. */
async function moveFile(pool: Pool, file: string, layer: string): Promise<void> {
  const to = layerFileOf(pool, layer);
  try {
    if (!(await isThere(to))) await rename(file, to);
    if (!(await isThere(file))) {
      await rm(`${file}.new`, { force: true });
      await makeLike(pool, to, `${file}.new`);
      await rename(`${file}.new`, file);
    }
    await syncDirectory(layersOf(pool));
  } catch (error) {
    throw diskFull(error, file);
  }
}

export async function beginLayerFile(pool: Pool, layer: string, bytes: number): Promise<string> {
  const [fresh, target] = [newLayerFileOf(pool, layer), makingOf(pool, layer)];
  const tree = join(target, 'upper');
  await removeLayerFile(pool, layer);
  try {
    await makeExt4(fresh, bytes, {}, blanksOf(pool));
    await mountFile({ file: fresh, target, type: 'ext4', options: ['noinit_itable'] });
    await mkdir(tree, { mode: 0o755 });
    await chmod(tree, 0o755);
    return tree;
  } catch (error) {
    throw diskFull(error, fresh);
  }
}

export async function endLayerFile(pool: Pool, layer: string): Promise<void> {
  await unmountFile(makingOf(pool, layer));
  await rename(newLayerFileOf(pool, layer), layerFileOf(pool, layer));
  await syncDirectory(layersOf(pool));
}

/** They are open as `layer`. Nothing can be one file in two file systems: what they hold is copied. */
export async function mergeLayerFiles(pool: Pool, layer: string, trees: readonly string[]): Promise<void> {
  const used = await Promise.all(trees.map((tree) => statfs(tree)));
  const bytes = used.reduce((sum, { blocks, bfree, bsize }) => sum + (blocks - bfree) * bsize, 0);
  const tree = await beginLayerFile(pool, layer, Math.max(defaultVolumeBytes, 1.5 * bytes));
  const step = { step: 'merge', path: tree, what: 'layers could not be merged' };
  await runStep('merge', ['--into', dirname(tree), ...trees], step).catch(async (error: unknown) => {
    throw await fullBelow(error, layerFileOf(pool, layer));
  });
  await endLayerFile(pool, layer);
}

/** As large, with as many inodes. */
async function makeLike(pool: Pool, other: string, file: string): Promise<void> {
  const [{ size }, { inodes }] = [await stat(other), await readSuperblock(other)];
  await makeExt4(file, size, { inodes }, blanksOf(pool));
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

export async function removeLayerFile(pool: Pool, layer: string): Promise<void> {
  await unmountFile(makingOf(pool, layer));
  await rm(newLayerFileOf(pool, layer), { force: true });
  await rm(layerFileOf(pool, layer), { force: true });
}

export async function listLayerFiles(pool: Pool): Promise<string[]> {
  return [...new Set((await readdir(layersOf(pool))).map((name) => name.replace(/\.img(\.new)?$/, '')))];
}
