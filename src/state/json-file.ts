/** JSON files that survive a crash: written whole under a temporary name, synced, renamed; each carries a version. */

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ZoneError, zoneError } from '../errors/index.js';
import { mkdir, open, rename, rm, writeFile } from '../host/quick-fs.js';
import { parsedOnce } from './parsed-files.js';
import { temporaryFor } from './temporary-file.js';

export interface Versioned {
  readonly version: number;
}

/**
 * Reads a versioned file; `undefined` if there is none.
 *
 * @throws STATE_CORRUPT not to be read, not JSON, or without a version · STATE_TOO_NEW written by a newer tszone
 */
export async function readJson<T extends Versioned>(path: string, version: T['version']): Promise<T | undefined> {
  return parsedOnce(path, async () => readJsonNow<T>(path, version));
}

/** The same, whatever is remembered of it. */
export function readJsonNow<T extends Versioned>(path: string, version: T['version']): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw isUnreadable(error) ? corrupt(path, 'cannot be read', error) : error;
  }
  return checkVersion<T>(path, parseJson(path, text), version);
}

/** A bad sector, or what a file system check has put there. */
export const isUnreadable = (error: unknown) => isErrno(error, 'EIO', 'EISDIR', 'EBADMSG', 'EUCLEAN');

export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, 'is not JSON', cause);
  }
}

/** For a state file that is there and means nothing. `what` is wrong with it: `is not JSON`. */
export function corrupt(path: string, what: string, cause?: unknown): ZoneError {
  return zoneError('STATE_CORRUPT', `state file "${path}" ${what}`, {
    hint: `Restore "${path}" from a backup, or move it away to start without it.`,
    context: { path },
    cause,
  });
}

export function checkVersion<T extends Versioned>(path: string, value: unknown, version: number): T {
  const found = typeof value === 'object' && value !== null && 'version' in value ? value.version : undefined;
  if (typeof found !== 'number') throw corrupt(path, 'has no version');
  if (found > version) {
    throw zoneError('STATE_TOO_NEW', `state file "${path}" was written by a newer tszone`, {
      hint: 'Use the tszone that wrote it, or a newer one.',
      context: { path, found, supported: version },
    });
  }
  return value as T;
}

/** Replaces the file in one step: a reader sees the old or the new content, also after a power cut. Mode 0600. */
export async function writeJson<T extends Versioned>(path: string, value: T): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** The same for text of any kind. */
export async function writeFileAtomic(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  const temporary = await temporaryFor(path);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskFull(error, path);
  }
  await syncDirectory(dirname(path));
}

/** Whole or not at all for every reader, but not synced: for files that mean nothing after a reboot. */
export async function writeRunTimeFile(path: string, text: string | Buffer): Promise<void> {
  const temporary = await temporaryFor(path);
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' }).catch(async (error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw error;
      await makeStateDirectory(dirname(path));
      await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskFull(error, path);
  }
}

/** A directory for state: only root looks inside. */
export async function makeStateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw diskFull(error, path);
  }
}

/** Makes renames and removals in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** True if `error` is a Node system error with one of the codes. */
export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return codes.includes(String(error.code)) || (codes.includes('EDQUOT') && isQuota(error));
}

/** EDQUOT has no name in node's table: it says "Unknown system error -122". */
const isQuota = (error: Error) => 'errno' in error && error.errno === -122;

/** ENOSPC and EDQUOT become RESOURCE_DISK_FULL; anything else stays what it is. */
export function diskFull(error: unknown, path: string): unknown {
  if (!isErrno(error, 'ENOSPC', 'EDQUOT')) return error;
  return zoneError('RESOURCE_DISK_FULL', `no space left for "${path}"`, {
    hint: `Free space on the file system of "${dirname(path)}" (df "${dirname(path)}"), then repeat the command.`,
    context: { path, errno: error.code },
    cause: error,
  });
}
