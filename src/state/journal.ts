/**
 * What an operation is about to do, on disk before it is done. A journal whose zone lock is free belongs to a command
 * that was killed; the next command undoes or completes it.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { HostOpBase } from '../spec/index.js';
import { isErrno, readJson, type Versioned, writeJson } from './json-file.js';
import type { Roots } from './roots.js';

export interface Journal extends Versioned {
  readonly version: 1;
  readonly operation: string;
  readonly zone: string;
  /** back: undo the ops in reverse · forward: apply them all again (each is idempotent). */
  readonly recovery: 'back' | 'forward';
  /** back only: if the zone runs, the operation had done its work and nothing is undone. */
  readonly completeIfRunning: boolean;
  /** It stands for the zone's whole life (an ephemeral zone's delete): while the zone runs, nothing is done about it. */
  readonly keepWhileRunning?: boolean;
  /** Names things that outlive a reboot. Otherwise the journal is run-time data and is not synced. */
  readonly durable: boolean;
  readonly ops: readonly HostOpBase[];
}

const directories = (roots: Roots) => [join(roots.root, 'journal'), join(roots.runRoot, 'journal')] as const;

function journalPath(roots: Roots, zone: string, durable: boolean): string {
  const [persistent, runTime] = directories(roots);
  return join(durable ? persistent : runTime, `${zone}.json`);
}

export async function writeJournal(roots: Roots, journal: Journal): Promise<void> {
  const path = journalPath(roots, journal.zone, journal.durable);
  if (journal.durable) return writeJson(path, journal);
  await writeRunTimeFile(path, JSON.stringify(journal));
}

/** Whole or not at all for every reader, but not synced: for files that mean nothing after a reboot. */
export async function writeRunTimeFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}.${basename(path)}.tmp`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

export async function readJournal(roots: Roots, zone: string): Promise<Journal | undefined> {
  return (
    (await readJson<Journal>(journalPath(roots, zone, true), 1)) ??
    (await readJson<Journal>(journalPath(roots, zone, false), 1))
  );
}

/** Those that there are, the run-time one first: what it prepared stands on what the durable one made. */
export async function readJournals(roots: Roots, zone: string): Promise<Journal[]> {
  const runTime = await readJson<Journal>(journalPath(roots, zone, false), 1);
  const durable = await readJson<Journal>(journalPath(roots, zone, true), 1);
  return [runTime, durable].filter((journal) => journal !== undefined);
}

/** Not synced: a journal that comes back after a power cut is only worked off once more. */
export async function dropJournal(roots: Roots, journal: Pick<Journal, 'zone' | 'durable'>): Promise<void> {
  await rm(journalPath(roots, journal.zone, journal.durable), { force: true });
}

/** Zones that have a journal now: in work, or interrupted. */
export async function journaledZones(roots: Roots): Promise<string[]> {
  const lists = await Promise.all(directories(roots).map(listDirectory));
  const names = lists.flat().filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  return [...new Set(names)].map((name) => name.slice(0, -5));
}

async function listDirectory(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
}
