/**
 * What an operation is about to do, on disk before it is done. A journal whose zone lock is free belongs to a command
 * that was killed; the next command undoes or completes it.
 */

import { basename, dirname, join } from 'node:path';
import { lstat, readdir, readlink, rm, symlink } from '../host/quick-fs.js';
import type { HostOpBase } from '../spec/index.js';
import { isErrno, readJson, syncDirectory, type Versioned, writeJson, writeRunTimeFile } from './json-file.js';
import { parsedOnce } from './parsed-files.js';
import type { Roots } from './roots.js';

export interface Journal extends Versioned {
  readonly version: 1;
  readonly operation: string;
  readonly zone: string;
  /** All zones that it changes, if it is not only `zone`: whoever works it off holds their locks, too. */
  readonly locks?: readonly string[] | undefined;
  /** back: undo the ops in reverse · forward: apply them all again (each is idempotent). */
  readonly recovery: 'back' | 'forward';
  /** back only: if the zone runs, the operation had done its work and nothing is undone. */
  readonly completeIfRunning: boolean;
  /** It stands for the zone's whole life (an ephemeral zone's delete): while the zone runs, nothing is done about it. */
  readonly keepWhileRunning?: boolean;
  /**
   * disk: it names things that outlive a reboot, and is synced · run: run-time data, as what it names · life: the same, in a place of
   * its own, since it stands for the life of a zone that does not outlive a reboot.
   */
  readonly place: JournalPlace;
  readonly ops: readonly HostOpBase[];
}

export type JournalPlace = 'disk' | 'run' | 'life';

const directories = ({ root, runRoot }: Roots): Readonly<Record<JournalPlace, string>> => ({
  run: join(runRoot, 'journal'),
  life: join(runRoot, 'journal-life'),
  disk: join(root, 'journal'),
});

/** What was prepared last stands on what was made first. */
const undoOrder = ['run', 'life', 'disk'] as const;

function journalPath(roots: Roots, zone: string, place: JournalPlace): string {
  return join(directories(roots)[place], `${zone}.json`);
}

/** Zones whose locks are needed to work it off, in the order in which they are taken. Pure. */
export function journalLocks({ zone, locks = [] }: Pick<Journal, 'zone' | 'locks'>): string[] {
  return [...new Set([zone, ...locks])].sort();
}

/** Found by the names of all its zones: under the others lies a link to the one file, so that there is one truth. */
export async function writeJournal(roots: Roots, journal: Journal): Promise<void> {
  const path = journalPath(roots, journal.zone, journal.place);
  for (const link of linksOf(roots, journal)) {
    await dropLink(link);
    await symlink(basename(path), link);
  }
  if (journal.place === 'disk') return writeJson(path, journal);
  await writeRunTimeFile(path, JSON.stringify(journal));
}

function linksOf(roots: Roots, journal: Pick<Journal, 'zone' | 'locks' | 'place'>): string[] {
  const others = journalLocks(journal).filter((zone) => zone !== journal.zone);
  return others.map((zone) => journalPath(roots, zone, journal.place));
}

async function dropLink(path: string): Promise<void> {
  if (await isLink(path)) await rm(path, { force: true });
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
}

async function readOne(roots: Roots, zone: string, place: JournalPlace): Promise<Journal | undefined> {
  const journal = await readJson<Journal>(journalPath(roots, zone, place), 1);
  // A link that a killed command left may lead to a later journal, which is not about this zone.
  return journal !== undefined && journalLocks(journal).includes(zone) ? journal : undefined;
}

export async function hasJournal(roots: Roots, zone: string, place: JournalPlace): Promise<boolean> {
  return (await readOne(roots, zone, place)) !== undefined;
}

export async function readJournal(roots: Roots, zone: string): Promise<Journal | undefined> {
  const [run, ...others] = await Promise.all(undoOrder.map((place) => readOne(roots, zone, place)));
  return others.find((journal) => journal !== undefined) ?? run;
}

/** Those that there are, in the order in which they are worked off. */
export async function readJournals(roots: Roots, zone: string): Promise<Journal[]> {
  const found = await Promise.all(undoOrder.map((place) => readOne(roots, zone, place)));
  return found.filter((journal) => journal !== undefined);
}

/**
 * Synced if it would undo: after a power cut it came back and took away what was reported as made. One that completes is
 * only worked off once more, and a later operation on the zone writes its own in its place.
 */
export async function dropJournal(
  roots: Roots,
  journal: Pick<Journal, 'zone' | 'place' | 'locks'> & Partial<Pick<Journal, 'recovery'>>,
): Promise<void> {
  const path = journalPath(roots, journal.zone, journal.place);
  await rm(path, { force: true });
  for (const link of linksOf(roots, journal)) await dropLink(link);
  if (journal.place === 'disk' && journal.recovery !== 'forward') await syncDirectory(dirname(path));
}

/** Call with the zone's lock held: no journal of another zone names it now, so what leads to one is left over. */
export async function dropLeftLink(roots: Roots, zone: string): Promise<void> {
  for (const place of undoOrder) {
    const path = journalPath(roots, zone, place);
    if ((await isLink(path)) && (await readOne(roots, zone, place)) === undefined) await rm(path, { force: true });
  }
}

/** Zones that have a journal now: in work, or interrupted. */
export async function journaledZones(roots: Roots): Promise<string[]> {
  const lists = await Promise.all(
    Object.values(directories(roots)).map((path) => parsedOnce(path, () => listDirectory(path))),
  );
  const names = lists.flatMap((list) => list ?? []).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  return [...new Set(names)].map((name) => name.slice(0, -5));
}

/** Without links that a killed command left: what they led to is gone. */
async function listDirectory(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const whole = new Set(entries.filter((entry) => !entry.isSymbolicLink()).map(({ name }) => name));
  const links = entries.filter((entry) => entry.isSymbolicLink());
  const targets = await Promise.all(links.map(({ name }) => readlink(join(path, name)).catch(() => '')));
  return [...whole, ...links.filter((_, index) => whole.has(targets[index] ?? '')).map(({ name }) => name)];
}
