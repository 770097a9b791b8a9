/**
 * What an operation is about to do, on disk before it is done. A journal whose zone lock is free belongs to a command
 * that was killed; the next command undoes or completes it.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostOpBase } from '../spec/index.js';
import { isErrno, readJson, type Versioned, writeJson } from './json-file.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

export interface Journal extends Versioned {
  readonly version: 1;
  readonly operation: string;
  readonly zone: string;
  /** back: undo the ops in reverse · forward: apply them all again (each is idempotent). */
  readonly recovery: 'back' | 'forward';
  /** back only: if the zone runs, the operation had done its work and nothing is undone. */
  readonly completeIfRunning: boolean;
  readonly ops: readonly HostOpBase[];
}

export async function writeJournal(roots: Roots, journal: Journal): Promise<void> {
  await writeJson(zonePaths(roots, journal.zone).journal, journal);
}

export async function readJournal(roots: Roots, zone: string): Promise<Journal | undefined> {
  return readJson<Journal>(zonePaths(roots, zone).journal, 1);
}

/** Not synced: a journal that comes back after a power cut is only worked off once more. */
export async function dropJournal(roots: Roots, zone: string): Promise<void> {
  await rm(zonePaths(roots, zone).journal, { force: true });
}

/** Zones that have a journal now: in work, or interrupted. */
export async function journaledZones(roots: Roots): Promise<string[]> {
  const names = await readdir(join(roots.root, 'journal')).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).map((name) => name.slice(0, -5));
}
