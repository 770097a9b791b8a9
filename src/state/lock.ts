/**
 * Locks between processes: flock(2) on a file. The kernel lets go when the last descriptor is closed, so a killed
 * holder never leaves a stale lock behind. Node has no flock; the helper takes it on node's own open file description.
 */

import { dirname } from 'node:path';
import { zoneError } from '../errors/index.js';
import { flockFd } from '../helper/index.js';
import { type FileHandle, open, rm, stat } from '../host/quick-fs.js';
import { diskFull, isErrno, makeStateDirectory } from './json-file.js';
import { takeTurn } from './lock-turns.js';

export interface LockOptions {
  /** What is locked, for the message: `zone "web"`. */
  readonly what: string;
  /** How long to wait for another holder. 0: only try. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** It is held for a moment only, and by many of one process: these take turns, and the time is that in which none has had one (lock-turns.ts). */
  readonly inTurn?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
  /** The same, and the file is removed if the path still names the one that is held. */
  releaseAndRemove(): Promise<void>;
}

/** Paths of those that this process holds. */
const held = new Set<string>();

/** Held by this process: who only tries to take it need not ask the kernel. */
export function holdsLock(path: string): boolean {
  return held.has(path);
}

/** Whether somebody holds it now. For the look it is taken for a moment, and no file is made, also if its holder removes it just then. */
export async function isLockHeld(path: string): Promise<boolean> {
  for (;;) {
    const file = await open(path, 'r').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      if (!(await flockFd(file.fd, 0))) return true;
      if (await isCurrent(file, path)) return false;
    } finally {
      await file.close();
    }
  }
}

/**
 * Takes the lock, waiting for another holder.
 *
 * Its holder may remove the file (releaseAndRemove): who waited for it then holds a lock that nobody else will ever see,
 * so after each success the file's inode is compared with the path's.
 * @throws LOCK_BUSY still held at the end of the time
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  const { inTurn = false, timeoutMs = defaultTimeoutMs, signal, what } = options;
  if (!inTurn || timeoutMs === 0) return acquire(path, options);
  const pass = await takeTurn(path, { timeoutMs, signal, busy: () => busy(path, what) });
  try {
    return await acquire(path, options, pass);
  } catch (error) {
    pass();
    throw error;
  }
}

const defaultTimeoutMs = 30_000;

async function acquire(path: string, options: LockOptions, released: () => void = () => {}): Promise<Lock> {
  const deadline = performance.now() + (options.timeoutMs ?? defaultTimeoutMs);
  for (;;) {
    const file = await openLockFile(path);
    try {
      const waitSeconds = Math.max(0, Math.ceil((deadline - performance.now()) / 1000));
      if (!(await flockFd(file.fd, waitSeconds, options.signal))) throw busy(path, options.what);
      if (await isCurrent(file, path)) {
        held.add(path);
        return lockOf(file, path, released);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
  }
}

async function isCurrent(file: FileHandle, path: string): Promise<boolean> {
  const held = await file.stat();
  const named = await stat(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  return named?.ino === held.ino && named.dev === held.dev;
}

function lockOf(file: FileHandle, path: string, released: () => void): Lock {
  let open = true;
  const end = async (last: () => Promise<void>) => {
    if (!open) return;
    open = false;
    try {
      await last();
    } finally {
      held.delete(path);
      await file.close();
      released();
    }
  };
  // By path, so only while held: who made a new file there since has another inode, and nobody else removes this one.
  const removeOwn = async () => {
    if (await isCurrent(file, path)) await rm(path, { force: true });
  };
  const release = () => end(async () => {});
  return { release, releaseAndRemove: () => end(removeOwn), [Symbol.asyncDispose]: release };
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
