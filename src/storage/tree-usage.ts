/** What a directory tree takes, as du(1) counts: blocks, and each inode once. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../state/index.js';
import type { VolumeUsage } from './driver.js';

/** Not there: nothing. What goes while we look is not counted. */
export async function treeUsage(path: string): Promise<VolumeUsage> {
  const linked = new Set<number>();
  let bytes = 0;
  let inodes = 0;
  const count = async (file: string): Promise<boolean> => {
    const found = await lstat(file).catch(ifThere);
    if (found === undefined) return false;
    const isDirectory = found.isDirectory();
    if (!isDirectory && found.nlink > 1) {
      if (linked.has(found.ino)) return false;
      linked.add(found.ino);
    }
    bytes += found.blocks * 512;
    inodes += 1;
    return isDirectory;
  };
  const waiting = (await count(path)) ? [path] : [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const directory = await opendir(next).catch(ifThere);
    if (directory === undefined) continue;
    for await (const { name } of directory) {
      const file = join(next, name);
      if (await count(file)) waiting.push(file);
    }
  }
  return { bytes, inodes };
}

function ifThere(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  return undefined;
}
