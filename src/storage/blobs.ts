/**
 * What comes from registries, before it is unpacked: `images/blobs/sha256-<hex>`, which holds a blob or the beginning of one.
 * A lock beside it says that somebody works on it.
 */
import { join } from 'node:path';
import { readdir, rm } from '../host/quick-fs.js';
import { acquireLock, isErrno, isLockHeld, type Lock, makeStateDirectory, type Roots } from '../state/index.js';

export interface HeldBlob extends AsyncDisposable {
  readonly path: string;
  /** It is of no use any more. */
  remove(): Promise<void>;
}

const fetchTimeoutMs = 3_600_000;

function blobsDirectory({ root }: Roots): string {
  return join(root, 'images', 'blobs');
}

const fileOf = (digest: string) => digest.replace(':', '-');

/** Waits for whoever works on it. */
export async function holdBlob(roots: Roots, digest: string, signal?: AbortSignal): Promise<HeldBlob> {
  await makeStateDirectory(blobsDirectory(roots));
  const path = join(blobsDirectory(roots), fileOf(digest));
  const lock = await acquireLock(`${path}.lock`, { what: `blob "${digest}"`, timeoutMs: fetchTimeoutMs, signal });
  return held(path, lock);
}

function held(path: string, lock: Lock): HeldBlob {
  return {
    path,
    remove: () => rm(path, { force: true }),
    [Symbol.asyncDispose]: () => lock.releaseAndRemove(),
  };
}

/** Digests of what nobody works on, but for those that are `kept`. */
export async function strayBlobs(roots: Roots, kept: ReadonlySet<string>): Promise<string[]> {
  const directory = blobsDirectory(roots);
  const files = (await namesOf(directory)).filter((name) => !name.endsWith('.lock'));
  const held = await Promise.all(files.map((name) => isLockHeld(join(directory, `${name}.lock`))));
  const digests = files.filter((_, index) => held[index] !== true).map((name) => name.replace('-', ':'));
  return digests.filter((digest) => !kept.has(digest));
}

/** Removes what nobody works on, but for those that are `kept`. Returns how many blobs that were. */
export async function sweepBlobs(roots: Roots, kept: ReadonlySet<string>): Promise<number> {
  const directory = blobsDirectory(roots);
  const names = await namesOf(directory);
  const keptFiles = new Set([...kept].map(fileOf));
  const files = new Set(names.map((name) => name.replace(/\.lock$/, '')).filter((name) => !keptFiles.has(name)));
  let swept = 0;
  for (const file of files) {
    const path = join(directory, file);
    const lock = await tryLock(`${path}.lock`);
    if (lock === undefined) continue;
    if (names.includes(file)) swept += 1;
    await rm(path, { force: true });
    await lock.releaseAndRemove();
  }
  return swept;
}

async function tryLock(path: string): Promise<Lock | undefined> {
  return acquireLock(path, { what: 'a blob', timeoutMs: 0 }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'LOCK_BUSY') return undefined;
    throw error;
  });
}

async function namesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
