/**
 * Space that is kept for the day on which the disk is full: to delete a zone, its journal and the lists without it have
 * to be written first.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hasCode } from '../errors/index.js';
import { rename, rm, stat, statfs, writeFile } from '../host/quick-fs.js';
import { temporaryFor } from './temporary-file.js';

interface Directories {
  readonly root: string;
  readonly runRoot: string;
}

/** A ledger of some thousand zones, written anew. */
const rootBytes = 1 << 20;
/** Journals; it is in memory. */
const runBytes = 1 << 16;

const reserveOf = (directory: string) => join(directory, 'reserve');

/**
 * Makes what is missing, as long as `spare` times as much is left for others: who has just released it may not have used
 * it yet. Never fails: without a reserve all goes on as before.
 */
export async function keepReserve({ root, runRoot }: Directories, spare = 1): Promise<void> {
  await Promise.all([keep(root, rootBytes, spare), keep(runRoot, runBytes, spare)]);
}

/** Gives the space back. @returns false if there was none */
export async function releaseReserve({ root, runRoot }: Directories): Promise<boolean> {
  const released = await Promise.all([root, runRoot].map((directory) => release(reserveOf(directory))));
  return released.includes(true);
}

/**
 * Does what frees space: once more, with the reserve given up, if the disk is full. `work` has to bear being begun again.
 *
 * @throws RESOURCE_DISK_FULL not even then; whatever `work` throws
 */
export async function withReserve<T>(directories: Directories, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!hasCode(error, 'RESOURCE_DISK_FULL') || !(await releaseReserve(directories))) throw error;
  }
  try {
    return await work();
  } finally {
    await keepReserve(directories, 0);
  }
}

async function release(path: string): Promise<boolean> {
  return rm(path).then(
    () => true,
    () => false,
  );
}

async function keep(directory: string, bytes: number, spare: number): Promise<void> {
  const path = reserveOf(directory);
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  const found = await statfs(directory).catch(() => undefined);
  if (found === undefined || found.bavail * found.bsize < (1 + spare) * bytes) return;
  const temporary = await temporaryFor(path);
  try {
    // Not zeros, which some file systems do not store.
    await writeFile(temporary, randomBytes(bytes), { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => {});
  }
}
