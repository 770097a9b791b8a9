/** A ledger of what lasting zones have, and one of what those of this boot have: two files, and one answer. */
import type { MaybeEphemeral } from './ephemeral.js';
import { LedgerFile, type LedgerKind } from './ledger-file.js';
import type { LedgerChange } from './ledger-text.js';

/** What is made of all entries, kept with them as they come and go. */
export interface LedgerIndex<T> {
  add(entry: T): void;
  remove(entry: T): void;
}

export interface LedgerOptions<T, Index extends LedgerIndex<T>> extends Pick<LedgerKind<T>, 'ownerOf' | 'isEntry'> {
  readonly lasting: Pick<LedgerKind<T>, 'path' | 'older'>;
  readonly thisBoot: Pick<LedgerKind<T>, 'path' | 'older'>;
  readonly makeIndex: () => Index;
}

export class Ledger<T extends MaybeEphemeral, Index extends LedgerIndex<T>> {
  readonly #lasting: LedgerFile<T>;
  readonly #thisBoot: LedgerFile<T>;
  readonly #makeIndex: () => Index;
  #index: Index | undefined;

  constructor({ lasting, thisBoot, makeIndex, ...kind }: LedgerOptions<T, Index>) {
    const watcher = {
      changed: (before: readonly T[], after: readonly T[]) => {
        if (this.#index === undefined) return;
        for (const entry of before) this.#index.remove(entry);
        for (const entry of after) this.#index.add(entry);
      },
      reset: () => {
        this.#index = undefined;
      },
    };
    this.#makeIndex = makeIndex;
    this.#lasting = new LedgerFile({ ...kind, ...lasting, isLasting: true }, watcher);
    this.#thisBoot = new LedgerFile({ ...kind, ...thisBoot, isLasting: false }, watcher);
  }

  /** Reads what others have written; see LedgerFile. @throws STATE_CORRUPT, STATE_TOO_NEW */
  refresh(closely?: boolean): this {
    this.#lasting.refresh(closely);
    this.#thisBoot.refresh(closely);
    return this;
  }

  /** Of lasting zones first. */
  of(owner: string): readonly T[] {
    const [lasting, thisBoot] = [this.#lasting.of(owner), this.#thisBoot.of(owner)];
    if (thisBoot.length === 0) return lasting;
    return lasting.length === 0 ? thisBoot : [...lasting, ...thisBoot];
  }

  all(): readonly T[] {
    return [...this.#lasting.owners.values(), ...this.#thisBoot.owners.values()].flat();
  }

  get index(): Index {
    if (this.#index !== undefined) return this.#index;
    const index = this.#makeIndex();
    for (const entry of this.all()) index.add(entry);
    this.#index = index;
    return index;
  }

  /** Call with the lock held, after a close look. @throws RESOURCE_DISK_FULL */
  async write(change: LedgerChange<T>): Promise<void> {
    await writePart(this.#thisBoot, change, (entry) => entry.ephemeral === true);
    await writePart(this.#lasting, change, (entry) => entry.ephemeral !== true);
  }

  /** Before something else takes the older form's place. Call with the lock held, after a close look. */
  async adopt(): Promise<void> {
    await this.#lasting.adopt();
  }
}

async function writePart<T>(
  file: LedgerFile<T>,
  change: LedgerChange<T>,
  isPart: (entry: T) => boolean,
): Promise<void> {
  const part = [...change].map(([owner, entries]) => [owner, entries.filter(isPart)] as const);
  const differing = part.filter(([owner, entries]) => !isSameList(file.of(owner), entries));
  if (differing.length > 0) await file.write(new Map(differing));
}

/** The same entries, in the same order: nothing has to be written. */
function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
