/**
 * How many spare zones are wanted of which images, on disk; and which are there, on the run-time side: a ticket for each, a
 * file with the zone's name. Who renames a ticket has the zone. It is empty unless its zone is one that is warned of.
 */
import { dirname, join } from 'node:path';
import { mkdir, readdir, rename, rm, rmdir, stat, writeFile } from '../host/quick-fs.js';
import type { ZoneOptions } from '../spec/index.js';
import { isErrno, readJson, type Versioned, writeJson } from './json-file.js';
import { acquireLock, type Lock } from './lock.js';
import type { Roots } from './roots.js';
import { temporaryFor } from './temporary-file.js';

export interface SparePool {
  /** How many are to be ready. */
  readonly size: number;
  /** What each is made with, besides its name. */
  readonly options: Omit<ZoneOptions, 'name'>;
}

interface SparesFile extends Versioned {
  readonly version: 1;
  /** By the image's name, as it is claimed by. */
  readonly pools: Readonly<Record<string, SparePool>>;
}

const filePath = ({ root }: Roots) => join(root, 'spares.json');
/** An image of a registry has slashes in its name. */
const readyDirectory = ({ runRoot }: Roots, image: string) => join(runRoot, 'spares', image.replaceAll('/', '%2F'));
const claimedDirectory = ({ runRoot }: Roots) => join(runRoot, 'claimed');

/** Of all pools: whoever makes spares or takes them apart holds it; who claims one does not. @throws LOCK_BUSY */
export function lockSpares({ root }: Roots, signal?: AbortSignal): Promise<Lock> {
  return acquireLock(join(root, 'spares.lock'), { what: 'the spares', signal });
}

export async function readSparePools(roots: Roots): Promise<Readonly<Record<string, SparePool>>> {
  return (await readJson<SparesFile>(filePath(roots), 1))?.pools ?? {};
}

/** Call with the lock held. `undefined`: no more spares of that image. */
export async function writeSparePool(roots: Roots, image: string, pool: SparePool | undefined): Promise<void> {
  const { [image]: _, ...others } = await readSparePools(roots);
  const pools = pool === undefined ? others : { ...others, [image]: pool };
  if (Object.keys(pools).length === 0) return rm(filePath(roots), { force: true });
  await writeJson<SparesFile>(filePath(roots), { version: 1, pools });
}

/** Names of zones, oldest ticket first or not: any will do. */
export const readySpares = (roots: Roots, image: string): Promise<string[]> => namesIn(readyDirectory(roots, image));
/** Claimed, and not yet ordinary zones on disk. */
export const claimedSpares = (roots: Roots): Promise<string[]> => namesIn(claimedDirectory(roots));

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
}

export async function addReadySpare(
  roots: Roots,
  { image, zone, isWarned }: { readonly image: string; readonly zone: string; readonly isWarned: boolean },
): Promise<void> {
  const ready = readyDirectory(roots, image);
  for (const path of [ready, claimedDirectory(roots)]) await mkdir(path, { recursive: true, mode: 0o700 });
  // Whole from its first moment: one that is empty is claimed without a word. Aside is not among the tickets, which anybody may take.
  const aside = await temporaryFor(join(dirname(ready), zone));
  await writeFile(aside, isWarned ? 'warn\n' : '', { mode: 0o600 });
  await rename(aside, join(ready, zone));
}

/** @returns false: somebody else was quicker */
export async function claimTicket(roots: Roots, image: string, zone: string): Promise<boolean> {
  return gone(rename(join(readyDirectory(roots, image), zone), join(claimedDirectory(roots), zone)));
}

/** Takes it back, so that nobody can claim it. @returns false: somebody has */
export async function withdrawTicket(roots: Roots, image: string, zone: string): Promise<boolean> {
  return gone(rm(join(readyDirectory(roots, image), zone)));
}

/** Since its ticket was renamed. */
export async function claimAgeMs(roots: Roots, zone: string): Promise<number> {
  const found = await stat(join(claimedDirectory(roots), zone)).catch(() => undefined);
  return Date.now() - (found?.ctimeMs ?? Date.now());
}

/** Of a pool that there is no longer; the last one's end leaves nothing. */
export async function dropPoolDirectories(roots: Roots, image: string): Promise<void> {
  const ready = readyDirectory(roots, image);
  for (const path of [ready, dirname(ready), claimedDirectory(roots)]) {
    await rmdir(path).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
    });
  }
}

export async function dropClaim(roots: Roots, zone: string): Promise<void> {
  await rm(join(claimedDirectory(roots), zone), { force: true });
}

async function gone(done: Promise<void>): Promise<boolean> {
  return done.then(
    () => true,
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    },
  );
}
