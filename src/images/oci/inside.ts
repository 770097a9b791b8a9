/** Files of a directory that somebody else has filled: a link ends at its top, whatever it says. */
import { constants, type FileHandle, lstat, open, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../state/index.js';

const maxLinks = 40;

/** `undefined`: there is no such file. Only for directories that nobody changes meanwhile. */
export async function openInside(directory: string, path: string): Promise<FileHandle | undefined> {
  const found = await resolveInside(directory, path);
  if (found === undefined) return undefined;
  const file = await open(found, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(ifThere);
  if (file === undefined) return undefined;
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

async function resolveInside(directory: string, path: string): Promise<string | undefined> {
  const left = path.split('/');
  const done: string[] = [];
  for (let links = 0; left.length > 0; ) {
    const part = left.shift() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done.pop();
      continue;
    }
    const stat = await lstat(join(directory, ...done, part)).catch(ifThere);
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > maxLinks) return undefined;
    const target = await readlink(join(directory, ...done, part));
    if (target.startsWith('/')) done.length = 0;
    left.unshift(...target.split('/'));
  }
  return join(directory, ...done);
}

function ifThere(error: unknown): undefined {
  if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE')) return undefined;
  throw error;
}

/** `undefined`: there is none, or it is larger. */
export async function readInside(directory: string, path: string, maxBytes: number): Promise<Buffer | undefined> {
  await using file = await openInside(directory, path);
  if (file === undefined || (await file.stat()).size > maxBytes) return undefined;
  return await file.readFile();
}
