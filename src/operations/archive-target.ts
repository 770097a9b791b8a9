/** Where an export goes: a file that has no name before it is whole, a device or pipe that is there, or a descriptor. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { diskFull, isErrno, syncDirectory } from '../state/index.js';
import { boundary } from './boundaries.js';

export interface ArchiveTarget extends AsyncDisposable {
  /** To write to. */
  readonly descriptor: number;
  /** All has been written: on disk, and under its name. */
  commit(): Promise<void>;
}

/** All that a zone has may be in it: nobody else may read it. */
const ownersOnly = 0o600;

/** @param target a path, or a descriptor of this process, which stays the caller's @throws PATH_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL */
export async function openArchiveTarget(
  target: string | number,
  force: boolean,
  mode: number = ownersOnly,
): Promise<ArchiveTarget> {
  if (typeof target === 'number') return { descriptor: target, commit: nothing, [Symbol.asyncDispose]: nothing };
  const path = resolve(target);
  if ((await checkArchiveTarget(path, force)) === 'stream') {
    const file = await open(path, 'w');
    return { descriptor: file.fd, commit: nothing, [Symbol.asyncDispose]: () => file.close() };
  }
  try {
    return await openNameless(path, { force, mode });
  } catch (cause) {
    throw isErrno(cause, 'ENOENT', 'ENOTDIR') ? noDirectory(path, cause) : diskFull(cause, path);
  }
}

/** What is there now, and in the way of nothing. @throws PATH_EXISTS, PATH_NOT_FOUND */
export async function checkArchiveTarget(target: string, force: boolean): Promise<'stream' | 'file' | 'nothing'> {
  const path = resolve(target);
  const found = await stat(path).catch(absent);
  if (found?.isDirectory() === true) throw exists(path, 'is a directory', 'Give the name of a file in it.');
  if (found !== undefined && !found.isFile()) return 'stream';
  if (found !== undefined && !force) throw exists(path, 'exists already');
  if ((await stat(dirname(path)).catch(absent))?.isDirectory() !== true) throw noDirectory(path);
  return found === undefined ? 'nothing' : 'file';
}

function noDirectory(path: string, cause?: unknown): Error {
  return zoneError('PATH_NOT_FOUND', `the directory of "${path}" does not exist`, {
    hint: `Run "mkdir -p ${dirname(path)}" first.`,
    context: { path },
    cause,
  });
}

const nothing = async () => {};
const absent = (error: unknown) => {
  if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
  throw error;
};

/** __O_TMPFILE of every architecture that node runs on; open(2) wants O_DIRECTORY with it. */
const nameless = 0o20000000 | constants.O_DIRECTORY | constants.O_WRONLY;

interface TargetOptions {
  readonly force: boolean;
  readonly mode: number;
}

async function openNameless(path: string, options: TargetOptions): Promise<ArchiveTarget> {
  const { force, mode } = options;
  const directory = dirname(path);
  const file = await open(directory, nameless, mode).catch((error: unknown) => {
    // A file system that cannot (overlay before 6.3, NFS): then under another name, which a kill leaves.
    if (isErrno(error, 'EOPNOTSUPP', 'EISDIR', 'EINVAL')) return undefined;
    throw error;
  });
  if (file !== undefined)
    return new Nameless(file, { path, passing: join(directory, `.${basename(path)}.tszone`), force });
  return named(path, join(directory, `.tszone-export-${randomBytes(6).toString('hex')}`), options);
}

class Nameless implements ArchiveTarget {
  readonly descriptor: number;
  readonly #file: FileHandle;
  readonly #names: { readonly path: string; readonly passing: string; readonly force: boolean };

  constructor(file: FileHandle, names: { readonly path: string; readonly passing: string; readonly force: boolean }) {
    this.descriptor = file.fd;
    this.#file = file;
    this.#names = names;
  }

  async commit(): Promise<void> {
    const { path, passing, force } = this.#names;
    await this.#file.datasync();
    const errno = await place(this.descriptor, path);
    if (errno === eexist && force) {
      await replace(this.descriptor, passing, path);
    } else await requirePlaced(errno, path);
    await syncDirectory(dirname(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

const eexist = 17;

/**
 * linkat(2) replaces nothing, so it is given another name first: always the same one, for whoever was killed in between has left it there. Of two at
 * once the later one stays: each of these files is whole.
 */
async function replace(descriptor: number, passing: string, path: string): Promise<void> {
  let errno = await place(descriptor, passing);
  while (errno === eexist) {
    await unlink(passing).catch(absent);
    errno = await place(descriptor, passing);
  }
  await requirePlaced(errno, passing);
  boundary('export', path, 'placed');
  await rename(passing, path).catch(absent);
}

function place(descriptor: number, path: string): Promise<number> {
  return runTool('place', [path], { extraFds: [descriptor] }).exited;
}

async function requirePlaced(errno: number, path: string): Promise<void> {
  if (errno === 0) return;
  if (errno === eexist) throw exists(path, 'exists already');
  throw zoneError('KERNEL_STEP_FAILED', `"${path}" cannot be given to the export`, {
    hint: `Check the directory "${dirname(path)}", then repeat the command.`,
    context: { step: 'export', syscall: 'linkat', errno, path },
  });
}

async function named(path: string, fresh: string, { force, mode }: TargetOptions): Promise<ArchiveTarget> {
  const file = await open(fresh, 'wx', mode);
  let isDone = false;
  return {
    descriptor: file.fd,
    commit: async () => {
      await file.datasync();
      if (!force && (await stat(path).catch(absent)) !== undefined) throw exists(path, 'exists already');
      await rename(fresh, path);
      isDone = true;
      await syncDirectory(dirname(path));
    },
    [Symbol.asyncDispose]: async () => {
      await file.close();
      if (!isDone) await unlink(fresh).catch(nothing);
    },
  };
}

function exists(path: string, what: string, hint = 'Choose another name, or pass --force to replace it.'): Error {
  return zoneError('PATH_EXISTS', `"${path}" ${what}`, {
    hint,
    context: { path },
  });
}
