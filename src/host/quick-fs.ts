/**
 * node:fs/promises for small local files of ours, without its threads: a system call here takes 2 to 20 µs, the way to a thread
 * of the pool and back 50 to 200, several times for one small file. What may take long goes to the pool all the same: fsync,
 * and the removal of large trees.
 */
import fs, {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  type MakeDirectoryOptions,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  type StatsFs,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  type WriteFileOptions,
  writeFileSync,
} from 'node:fs';
import { type FileHandle as NodeFileHandle, rm as removeInPool } from 'node:fs/promises';
import { promisify } from 'node:util';

export const readFile = async (path: string, encoding: 'utf8'): Promise<string> => readFileSync(path, encoding);
export const access = async (path: string): Promise<void> => accessSync(path);
export const stat = async (path: string): Promise<Stats> => statSync(path);
export const lstat = async (path: string): Promise<Stats> => lstatSync(path);
export const statfs = async (path: string): Promise<StatsFs> => statfsSync(path);
export const readlink = async (path: string): Promise<string> => readlinkSync(path);
export const realpath = async (path: string): Promise<string> => realpathSync(path);
export const chmod = async (path: string, mode: number): Promise<void> => chmodSync(path, mode);
export const chown = async (path: string, uid: number, gid: number): Promise<void> => chownSync(path, uid, gid);
export const utimes = async (path: string, atime: Date | number, mtime: Date | number): Promise<void> =>
  utimesSync(path, atime, mtime);
export const rename = async (from: string, to: string): Promise<void> => renameSync(from, to);
export const rmdir = async (path: string): Promise<void> => rmdirSync(path);
export const symlink = async (target: string, path: string): Promise<void> => symlinkSync(target, path);
export const mkdir = async (path: string, options?: MakeDirectoryOptions): Promise<string | undefined> =>
  mkdirSync(path, options);
export const writeFile = async (
  path: string,
  content: string | NodeJS.ArrayBufferView,
  options?: WriteFileOptions,
): Promise<void> => writeFileSync(path, content, options);

export function readdir(path: string): Promise<string[]>;
export function readdir(path: string, options: { withFileTypes: true }): Promise<import('node:fs').Dirent[]>;
export async function readdir(path: string, options?: { withFileTypes: true }): Promise<unknown[]> {
  return options === undefined ? readdirSync(path) : readdirSync(path, options);
}

/** What is used of node's. */
export type FileHandle = Pick<NodeFileHandle, 'fd' | 'sync' | 'close'> & {
  stat(): Promise<Stats>;
  writeFile(content: string | NodeJS.ArrayBufferView): Promise<void>;
};

export async function open(path: string, flags: string | number, mode?: number): Promise<FileHandle> {
  const fd = openSync(path, flags, mode);
  let isOpen = true;
  return {
    fd,
    stat: async () => fstatSync(fd),
    writeFile: async (content) => writeFileSync(fd, content),
    sync: () => promisify(fs.fsync)(fd),
    close: async () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

/** Larger trees are left to the pool. */
const entriesAtOnce = 64;

export async function rm(
  path: string,
  options: { readonly force?: boolean; readonly recursive?: boolean; readonly maxRetries?: number } = {},
): Promise<void> {
  if (options.recursive !== true) return removeFile(path, options.force);
  // An ENOENT may be about an entry whose name is no UTF-8: only of the tree itself it says that nothing is there.
  if (options.force === true && lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  try {
    if (removeSmallTree(path, { left: entriesAtOnce })) return;
  } catch {
    // Another's doing, or a case that the pool's rm knows how to handle.
  }
  await removeInPool(path, options);
}

function removeFile(path: string, force: boolean | undefined): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (force !== true || !isCode(error, 'ENOENT')) throw error;
  }
}

/** @returns false if it is not small; then a part of it may be gone */
function removeSmallTree(path: string, budget: { left: number }): boolean {
  budget.left -= 1;
  if (budget.left < 0) return false;
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return true;
  }
  for (const name of readdirSync(path)) {
    if (!removeSmallTree(`${path}/${name}`, budget)) return false;
  }
  rmdirSync(path);
  return true;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
