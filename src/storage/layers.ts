/**
 * Layers by digest: `images/layers/sha256-<hex>/`, each a directory tree with owners as in the image (unshifted), below
 * a directory that only root can enter. A layer appears by one rename, so that what has its final name is complete.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { access, chmod, chown, mkdir, readdir, rename, rm } from '../host/quick-fs.js';
import {
  acquireLock,
  diskFull,
  isErrno,
  isLockHeld,
  type Lock,
  makeStateDirectory,
  type Roots,
  syncDirectory,
} from '../state/index.js';

/** A layer that is being made. Disposing of it removes what was not committed. */
export interface LayerStaging extends AsyncDisposable {
  /** Empty at first; becomes the layer's root. */
  readonly tree: string;
  /** For a builder's other files; on the same file system. */
  readonly scratch: string;
  /** Gives the tree its name. If the layer is there already, that one stays and the tree is dropped. */
  commit(digest: string): Promise<void>;
}

const stagingPrefix = 'tmp-';
const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function layersDirectory(roots: Roots): string {
  return join(roots.root, 'images', 'layers');
}

/** Where a layer is, whether or not it is there. */
export function layerDirectory(roots: Roots, digest: string): string {
  if (!digestPattern.test(digest)) throw new Error(`not a digest: ${digest}`);
  return join(layersDirectory(roots), digest.replace(':', '-'));
}

export async function hasLayer(roots: Roots, digest: string): Promise<boolean> {
  return access(layerDirectory(roots, digest)).then(
    () => true,
    () => false,
  );
}

/** Digests of all layers on disk. */
export async function listLayers(roots: Roots): Promise<string[]> {
  const names = await entriesOf(layersDirectory(roots));
  return names.filter((name) => name.startsWith('sha256-')).map((name) => name.replace('-', ':'));
}

/**
 * A place to make a layer in. A lock says that its maker is alive: what a killed one left is found by `sweepStaging`.
 *
 * @throws RESOURCE_DISK_FULL
 */
export async function stageLayer(roots: Roots): Promise<LayerStaging> {
  await makeStateDirectory(layersDirectory(roots));
  for (;;) {
    const directory = join(layersDirectory(roots), `${stagingPrefix}${randomBytes(6).toString('hex')}`);
    const lock = await tryStage(directory);
    if (lock !== undefined) return staging(roots, directory, lock);
  }
}

/** `undefined`: a sweep came between making the directory and locking it. */
async function tryStage(directory: string): Promise<Lock | undefined> {
  try {
    await mkdir(directory, { mode: 0o700 });
    const lock = await acquireLock(join(directory, 'lock'), { what: 'a layer in the making' });
    try {
      await mkdir(join(directory, 'tree'), { mode: 0o755 });
      await mkdir(join(directory, 'scratch'), { mode: 0o755 });
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    await rm(directory, { recursive: true, force: true });
    throw diskFull(error, directory);
  }
}

function staging(roots: Roots, directory: string, lock: Lock): LayerStaging {
  const tree = join(directory, 'tree');
  return {
    tree,
    scratch: join(directory, 'scratch'),
    commit: (digest) => commitTree(roots, tree, digest),
    [Symbol.asyncDispose]: async () => {
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
      await lock.release();
    },
  };
}

/** The root of a zone must be open to the zone's users, whatever the archive said of it. */
async function commitTree(roots: Roots, tree: string, digest: string): Promise<void> {
  await chown(tree, 0, 0);
  await chmod(tree, 0o755);
  try {
    await rename(tree, layerDirectory(roots, digest));
  } catch (error) {
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw diskFull(error, tree);
  }
  await syncDirectory(layersDirectory(roots));
}

/** What makers that were killed have left. */
export async function strayStaging(roots: Roots): Promise<string[]> {
  const names = (await entriesOf(layersDirectory(roots))).filter((entry) => entry.startsWith(stagingPrefix));
  const paths = names.map((name) => join(layersDirectory(roots), name));
  const held = await Promise.all(paths.map((path) => isLockHeld(join(path, 'lock'))));
  return paths.filter((_, index) => held[index] !== true);
}

/** Removes what makers that were killed have left. Returns how many. */
export async function sweepStaging(roots: Roots): Promise<number> {
  const names = await entriesOf(layersDirectory(roots));
  let swept = 0;
  for (const name of names.filter((entry) => entry.startsWith(stagingPrefix))) {
    if (await sweepOne(join(layersDirectory(roots), name))) swept += 1;
  }
  return swept;
}

async function sweepOne(directory: string): Promise<boolean> {
  try {
    await using _lock = await acquireLock(join(directory, 'lock'), { what: 'a layer in the making', timeoutMs: 0 });
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'LOCK_BUSY') return false;
    throw error;
  }
}

/** Removes a layer: it loses its name at once, so that a kill in between leaves no half layer. Not there is success. */
export async function removeLayer(roots: Roots, digest: string): Promise<void> {
  if (!(await hasLayer(roots, digest))) return;
  await using doomed = await stageLayer(roots);
  try {
    await rename(layerDirectory(roots, digest), join(doomed.scratch, 'layer'));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
