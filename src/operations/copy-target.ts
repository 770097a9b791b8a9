/**
 * Where a copy out of a zone ends up. The stream that brings it is the zone's, so it is unpacked into a fresh directory
 * beside the destination, and from there only the one entry that was asked for is moved into place.
 *
 * The zone may have the destination mounted and change it meanwhile: directories are opened once, without following
 * links, and everything is named relative to them through /proc/self/fd.
 */
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isErrno } from '../state/index.js';

export interface CopyTarget extends AsyncDisposable {
  /** The directory to unpack into, as a child of this process finds it. */
  readonly staging: string;
  /**
   * Moves what was unpacked into place, as `cp -r` would: a directory is merged into a directory that is there, which
   * keeps its own mode; files and links are replaced, never written through; a directory does not take the place of
   * anything else, nor anything else that of a directory.
   */
  place(): Promise<void>;
}

/** Something else stands where the copy goes, or something else came. */
export class CopyRefusedError extends Error {}

/**
 * @param sourceName the only name that may come out of the zone; also the name of the copy, if `hostPath` is a directory
 * @throws CopyRefusedError, the file system's errors
 */
export async function openCopyTarget(hostPath: string, sourceName: string): Promise<CopyTarget> {
  const path = resolve(hostPath);
  const isInto = await isDirectoryAt(path);
  const parent = await open(isInto ? path : dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  const name = Buffer.from(isInto ? sourceName : basename(path));
  const fresh = Buffer.from(`.tszone-cp-${randomBytes(8).toString('hex')}`);
  let staging: FileHandle | undefined;
  try {
    await mkdir(within(parent, fresh), 0o700);
    staging = await openDirectory(parent, fresh);
    return new Target({ parent, staging, fresh, name, sourceName: Buffer.from(sourceName) });
  } catch (error) {
    await rmdir(within(parent, fresh)).catch(() => {});
    await Promise.all([parent.close(), staging?.close()]);
    throw error;
  }
}

/** What can be said before it is begun. @throws CopyRefusedError, the file system's errors */
export async function checkCopyTarget(path: string): Promise<void> {
  const directory = (await isDirectoryAt(path)) ? path : dirname(path);
  await (await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)).close();
}

async function isDirectoryAt(path: string): Promise<boolean> {
  const there = await whenThere(stat(path));
  const isInto = there?.isDirectory() === true;
  if (there !== undefined && !isInto && !there.isFile())
    throw new CopyRefusedError(`"${path}" is neither a file nor a directory`);
  return isInto;
}

interface TargetParts {
  readonly parent: FileHandle;
  readonly staging: FileHandle;
  /** Of the staging directory, in parent. */
  readonly fresh: Buffer;
  /** Of the copy, in parent. */
  readonly name: Buffer;
  /** Of the copy, in staging. */
  readonly sourceName: Buffer;
}

class Target implements CopyTarget {
  readonly staging: string;
  readonly #parts: TargetParts;

  constructor(parts: TargetParts) {
    this.#parts = parts;
    this.staging = `/proc/self/fd/${parts.staging.fd}`;
  }

  async place(): Promise<void> {
    const { parent, staging, name, sourceName } = this.#parts;
    const names = await namesIn(staging);
    if (names.length !== 1 || names[0]?.equals(sourceName) !== true)
      throw new CopyRefusedError('the zone did not send what was asked for');
    await move({ directory: staging, name: sourceName }, { directory: parent, name });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { parent, staging, fresh } = this.#parts;
    // What cannot be removed is no reason to hide how the copy ended.
    await empty(staging).catch(() => {});
    await rmdir(within(parent, fresh)).catch(() => {});
    await Promise.all([parent.close(), staging.close()]);
  }
}

interface Place {
  readonly directory: FileHandle;
  readonly name: Buffer;
}

async function move(from: Place, to: Place): Promise<void> {
  const [source, target] = [within(from.directory, from.name), within(to.directory, to.name)];
  const [comes, stands] = [await lstat(source), await whenThere(lstat(target))];
  if (stands === undefined) return rename(source, target);
  if (!comes.isDirectory() || !stands.isDirectory()) {
    requireReplaceable(comes, stands, to.name);
    return rename(source, target);
  }
  await using directories = await openBoth(from, to);
  for (const name of await namesIn(directories.from))
    await move({ directory: directories.from, name }, { directory: directories.to, name });
}

function requireReplaceable(comes: Stats, stands: Stats, name: Buffer): void {
  if (stands.isDirectory()) throw new CopyRefusedError(`"${name}" is a directory at the destination`);
  if (comes.isDirectory()) throw new CopyRefusedError(`"${name}" is no directory at the destination`);
  if (stands.isCharacterDevice() || stands.isBlockDevice())
    throw new CopyRefusedError(`"${name}" is a device at the destination`);
}

async function openBoth(
  from: Place,
  to: Place,
): Promise<{ readonly from: FileHandle; readonly to: FileHandle } & AsyncDisposable> {
  const source = await openDirectory(from.directory, from.name);
  try {
    const target = await openDirectory(to.directory, to.name);
    const close = async () => void (await Promise.all([source.close(), target.close()]));
    return { from: source, to: target, [Symbol.asyncDispose]: close };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Removes what is in a directory; no link in it is followed. */
async function empty(directory: FileHandle): Promise<void> {
  for (const name of await namesIn(directory)) {
    try {
      await unlink(within(directory, name));
      continue;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) continue;
      if (!isErrno(error, 'EISDIR')) throw error;
    }
    const child = await openDirectory(directory, name);
    try {
      await empty(child);
    } finally {
      await child.close();
    }
    await rmdir(within(directory, name));
  }
}

/** The magic link stands for the open directory itself, wherever it is by now. */
function within({ fd }: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
}

function openDirectory(directory: FileHandle, name: Buffer): Promise<FileHandle> {
  return open(within(directory, name), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

function namesIn(directory: FileHandle): Promise<Buffer[]> {
  return readdir(within(directory, Buffer.from('.')), { encoding: 'buffer' });
}

async function whenThere(found: Promise<Stats>): Promise<Stats | undefined> {
  return found.catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
}
