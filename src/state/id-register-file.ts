/** The register of id ranges on disk: entries of lasting zones in one file, of those of this boot in another. */
import { join } from 'node:path';
import { isSameList, type MaybeEphemeral, splitByLife } from './ephemeral.js';
import { readJson, type Versioned, writeJson, writeRunTimeFile } from './json-file.js';
import { acquireLock } from './lock.js';

export const defaultRegisterDirectory = '/var/lib/tszone-ids';

/** `count` ids from `base` on, in the initial user namespace. */
export interface IdRange {
  readonly base: number;
  readonly count: number;
}

/** Whose a range is. */
export interface IdLease extends IdRange {
  readonly root: string;
  readonly zone: string;
}

export interface Entry extends IdLease, MaybeEphemeral {
  /** The zone has said that it may be others', too. */
  readonly shared?: true | undefined;
  /** What the root lay on: while that is not mounted, nobody knows whether the root is gone. */
  readonly mount?: string | undefined;
}

interface RegisterFile extends Versioned {
  readonly version: 1;
  readonly entries: readonly Entry[];
}

const filePath = (directory = defaultRegisterDirectory) => join(directory, 'ranges.json');
/** Of zones that do not outlive this boot. */
const runTimePath = (directory?: string) =>
  directory === undefined ? '/run/tszone-ids/ranges.json' : join(directory, 'run', 'ranges.json');

export async function readEntries(directory: string | undefined): Promise<readonly Entry[]> {
  const files = await Promise.all(
    [filePath(directory), runTimePath(directory)].map((path) => readJson<RegisterFile>(path, 1)),
  );
  return files.flatMap((file) => file?.entries ?? []);
}

export async function withRegister<T>(
  directory: string | undefined,
  change: (entries: readonly Entry[]) => Promise<{ entries: readonly Entry[]; result: T }>,
): Promise<T> {
  const lock = join(directory ?? defaultRegisterDirectory, 'lock');
  await using _lock = await acquireLock(lock, { what: 'the register of id ranges' });
  const before = await readEntries(directory);
  const { entries, result } = await change(before);
  if (entries !== before) await writeEntries(directory, splitByLife(before), splitByLife(entries));
  return result;
}

async function writeEntries(directory: string | undefined, before: Split, after: Split): Promise<void> {
  if (!isSameList(before.ephemeral, after.ephemeral)) {
    const file: RegisterFile = { version: 1, entries: after.ephemeral };
    await writeRunTimeFile(runTimePath(directory), JSON.stringify(file));
  }
  if (!isSameList(before.lasting, after.lasting))
    await writeJson<RegisterFile>(filePath(directory), { version: 1, entries: after.lasting });
}

type Split = ReturnType<typeof splitByLife<Entry>>;
