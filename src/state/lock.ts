/**
 * Locks between processes: flock(2) on a file. The kernel lets go when the last descriptor is closed, so a killed
 * holder never leaves a stale lock behind. Node has no flock; the helper takes it on node's own open file description.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { zoneError } from '../errors/index.js';
import { flockFd } from '../helper/index.js';
import { diskFull, isErrno, makeStateDirectory } from './json-file.js';

export interface LockOptions {
  /** What is locked, for the message: `zone "web"`. */
  readonly what: string;
  /** How long to wait for another holder. 0: only try. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

/**
 * Takes the lock, waiting for another holder.
 *
 * The file is left in place: removing it while somebody waits would give two holders.
 * @throws LOCK_BUSY still held at the end of the time
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  const file = await openLockFile(path);
  try {
    const waitSeconds = Math.ceil((options.timeoutMs ?? 30_000) / 1000);
    if (!(await flockFd(file.fd, waitSeconds, options.signal))) throw busy(path, options.what);
  } catch (error) {
    await file.close();
    throw error;
  }
  return lockOf(file);
}

function lockOf(file: FileHandle): Lock {
  let open = true;
  const release = async () => {
    if (!open) return;
    open = false;
    await file.close();
  };
  return { release, [Symbol.asyncDispose]: release };
}

async function openLockFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o600);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw diskFull(error, path);
  }
  await makeStateDirectory(dirname(path));
  try {
    return await open(path, 'a', 0o600);
  } catch (error) {
    throw diskFull(error, path);
  }
}

function busy(path: string, what: string): Error {
  return zoneError('LOCK_BUSY', `${what} is in use by another tszone command`, {
    hint: 'Wait for the other command to end, then repeat this one (--timeout waits longer).',
    context: { path },
  });
}
