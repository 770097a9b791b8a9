/** The register of id ranges on disk: entries of lasting zones in one ledger, of those of this boot in another. */
import { join } from 'node:path';
import type { MaybeEphemeral } from './ephemeral.js';
import type { Versioned } from './json-file.js';
import { Ledger, type LedgerIndex } from './ledger.js';
import { acquireLock } from './lock.js';
import type { Roots } from './roots.js';
import { insertSorted, removeSorted } from './sorted.js';

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

/** In the order of the ids. */
export class IdIndex implements LedgerIndex<Entry> {
  readonly #entries: Entry[] = [];

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(entry: Entry): void {
    insertSorted(this.#entries, entry, baseOf);
  }

  remove(entry: Entry): void {
    removeSorted(this.#entries, entry, baseOf);
  }
}

const baseOf = ({ base }: IdRange) => base;

interface OlderFile extends Versioned {
  readonly entries?: readonly Entry[];
}

const older = (directory: string) => ({
  path: join(directory, 'ranges.json'),
  entriesOf: ({ entries = [] }: OlderFile) => entries,
  without: () => ({ version: 2 }),
});

const isEntry = ({ base, count, root, zone }: Partial<Entry>) =>
  [base, count].every(Number.isSafeInteger) && [root, zone].every((text) => typeof text === 'string');

/** A zone of a root; no name of a zone has a slash. */
export const idOwner = ({ root }: Pick<Roots, 'root'>, zone: string) => `${root}/${zone}`;

export type IdLedger = Ledger<Entry, IdIndex>;

const ledgers = new Map<string, IdLedger>();

export function idLedger(directory = defaultRegisterDirectory): IdLedger {
  const known = ledgers.get(directory);
  if (known !== undefined) return known;
  // Of zones that do not outlive this boot.
  const run = directory === defaultRegisterDirectory ? '/run/tszone-ids' : join(directory, 'run');
  const ledger = new Ledger<Entry, IdIndex>({
    ownerOf: (entry) => idOwner(entry, entry.zone),
    isEntry,
    makeIndex: () => new IdIndex(),
    lasting: { path: join(directory, 'ranges.jsonl'), older: older(directory) },
    thisBoot: { path: join(run, 'ranges.jsonl'), older: older(run) },
  });
  ledgers.set(directory, ledger);
  return ledger;
}

/** `work` with the register's lock held, and the register as it is then. */
export async function withRegister<T>(
  directory: string | undefined,
  work: (register: IdLedger) => Promise<T>,
): Promise<T> {
  const lock = join(directory ?? defaultRegisterDirectory, 'lock');
  await using _lock = await acquireLock(lock, { what: 'the register of id ranges', inTurn: true });
  // Awaited: else the lock would be gone before the work is done.
  return await work(idLedger(directory).refresh(true));
}
