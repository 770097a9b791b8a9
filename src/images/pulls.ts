/**
 * What a pull is about to make, or was when it was interrupted: `images/pulls/NAME.json`. Its layers are kept, though no image is
 * made of them yet, until it has come to its end, failed for good, or `image prune` finds that nobody works on it.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readdir, rm } from '../host/quick-fs.js';
import {
  acquireLock,
  isErrno,
  isLockHeld,
  type Lock,
  makeStateDirectory,
  type Roots,
  readJson,
  type Versioned,
  writeJson,
} from '../state/index.js';
import { imagesDirectory } from './image-index.js';

export interface Pull {
  readonly name: string;
  /** Digests. */
  readonly layers: readonly string[];
  readonly blobs: readonly string[];
}

interface PullFile extends Versioned, Pull {
  readonly version: 1;
}

function pullsDirectory(roots: Roots): string {
  return join(imagesDirectory(roots), 'pulls');
}

const longestFileName = 150;

/** A name of an image as that of a file. */
function fileNameOf(name: string): string {
  const plain = name.replaceAll('/', '%2F');
  return plain.length <= longestFileName ? plain : createHash('sha256').update(name).digest('hex');
}

const lockOf = (roots: Roots, name: string) => join(imagesDirectory(roots), 'building', `${fileNameOf(name)}.lock`);

/** One build or pull of an image at a time; a second one waits. */
export async function lockImage(
  roots: Roots,
  name: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Lock> {
  const lock = await acquireLock(lockOf(roots, name), { what: `image "${name}"`, timeoutMs, signal });
  return { ...lock, [Symbol.asyncDispose]: lock.releaseAndRemove };
}

/** What killed commands have left of locks: a file without a holder says nothing. */
export async function sweepImageLocks(roots: Roots): Promise<void> {
  const directory = join(imagesDirectory(roots), 'building');
  const names = await readdir(directory).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  for (const name of names.filter((file) => file.endsWith('.lock'))) {
    const lock = await acquireLock(join(directory, name), { what: 'an image', timeoutMs: 0 }).catch(unlessBusy);
    await lock?.releaseAndRemove();
  }
}

function unlessBusy(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'LOCK_BUSY') return undefined;
  throw error;
}

/** Call with the image's lock held. */
export async function writePull(roots: Roots, pull: Pull): Promise<void> {
  await makeStateDirectory(pullsDirectory(roots));
  await writeJson<PullFile>(join(pullsDirectory(roots), `${fileNameOf(pull.name)}.json`), { version: 1, ...pull });
}

export async function dropPull(roots: Roots, name: string): Promise<void> {
  await rm(join(pullsDirectory(roots), `${fileNameOf(name)}.json`), { force: true });
}

/** Those that go on, and those that were interrupted. */
export async function listPulls(roots: Roots): Promise<Pull[]> {
  const directory = pullsDirectory(roots);
  const names = await readdir(directory).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  const pulls = await Promise.all(files.map((name) => readJson<PullFile>(join(directory, name), 1)));
  return pulls.filter((pull) => pull !== undefined);
}

/** Whether somebody works on it: a build, a pull, an import. */
export const isPulled = (roots: Roots, { name }: Pick<Pull, 'name'>): Promise<boolean> =>
  isLockHeld(lockOf(roots, name));

/** Forgets those that nobody works on. Returns what is left. */
export async function sweepPulls(roots: Roots): Promise<Pull[]> {
  const left: Pull[] = [];
  for (const pull of await listPulls(roots)) {
    const lock = await lockImage(roots, pull.name, { timeoutMs: 0 }).catch(unlessBusy);
    if (lock === undefined) left.push(pull);
    else {
      await dropPull(roots, pull.name);
      await lock.releaseAndRemove();
    }
  }
  return left;
}
