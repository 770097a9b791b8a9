/**
 * What an overlay of frozen trees shows at a path, found without mounting it. No link is followed, so that what is in the trees leads
 * nowhere. Only for trees that nobody writes to.
 */
import type { Dirent, Stats } from 'node:fs';
import { join } from 'node:path';
import { lstat, readdir } from '../host/quick-fs.js';
import { isErrno } from '../state/index.js';

export interface Found {
  readonly stats: Stats;
  /** Of a directory: where it is, topmost first; of anything else: where it lies. */
  readonly paths: readonly string[];
}

/** overlayfs.rst: a name that is gone in a layer is a character device 0:0 there. */
const isWhiteout = ({ rdev }: Stats, isDevice: boolean) => isDevice && rdev === 0;

/**
 * @param trees topmost first
 * @param path without a slash at its begin; empty: the root
 */
export async function lookUpMerged(trees: readonly string[], path: string): Promise<Found | undefined> {
  let at: readonly string[] = trees;
  let found = await merge(at);
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (found?.stats.isDirectory() !== true) return undefined;
    at = found.paths.map((directory) => join(directory, name));
    found = await merge(at);
  }
  return found;
}

/** One name in several layers. */
async function merge(candidates: readonly string[]): Promise<Found | undefined> {
  const paths: string[] = [];
  let first: Stats | undefined;
  for (const path of candidates) {
    const stats = await lstat(path).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    });
    if (stats === undefined) continue;
    if (isWhiteout(stats, stats.isCharacterDevice())) break;
    if (!stats.isDirectory()) return first === undefined ? { stats, paths: [path] } : { stats: first, paths };
    first ??= stats;
    paths.push(path);
  }
  return first === undefined ? undefined : { stats: first, paths };
}

/** Names in a directory of the merged view, without those that are gone. */
export async function namesMerged({ paths }: Found): Promise<string[]> {
  const lists: Dirent[][] = [];
  for (const path of paths) lists.push(await readdir(path, { withFileTypes: true }));
  const names = new Set(lists.flat().map(({ name }) => name));
  const there: string[] = [];
  for (const name of names) if ((await merge(paths.map((path) => join(path, name)))) !== undefined) there.push(name);
  return there.sort();
}
