/**
 * Who has what, in a file that grows at its end: each line says what an owner has from now on, and the last word on an owner counts.
 * So a change costs one line, however many owners there are, and what one owner has is found without reading what others have. When
 * most lines are outdated the file is written anew.
 *
 * Readers take no lock. A line without its end is no line: its writer was killed, or is still writing, and has told nobody that it
 * counts. Reading is synchronous, so that nothing in this process comes between what is read and what is made of it.
 */
import { closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { hasCode } from '../errors/index.js';
import type { FileIdentity } from '../helper/index.js';
import { open, rm } from '../host/quick-fs.js';
import {
  checkVersion,
  corrupt,
  diskFull,
  isErrno,
  isUnreadable,
  parseJson,
  readJsonNow,
  type Versioned,
  writeFileAtomic,
  writeJson,
  writeRunTimeFile,
} from './json-file.js';
import { endOf, isContinued, lastOf, look, type Position, readAt } from './ledger-position.js';
import {
  changeLines,
  type LedgerChange,
  type LedgerWord,
  lastWordOn,
  ledgerVersion,
  parseWords,
  wholeText,
  withChange,
} from './ledger-text.js';
import { isSameFile } from './parsed-files.js';

/** What it was before: one JSON file of all entries. Version 2 of that file has none, and tells an older tszone to stay away. */
export interface OlderForm<T> {
  readonly path: string;
  readonly entriesOf: (file: Versioned) => readonly T[];
  readonly without: (file: Versioned | undefined) => Versioned;
}

export interface LedgerKind<T> {
  readonly path: string;
  /** It outlives a reboot. */
  readonly isLasting: boolean;
  readonly ownerOf: (entry: T) => string;
  readonly isEntry: (value: Partial<T>) => boolean;
  readonly older: OlderForm<T>;
}

/** Told of what is read. */
export interface LedgerWatcher<T> {
  changed(before: readonly T[], after: readonly T[]): void;
  /** All of it may be different. */
  reset(): void;
}

/** So many outdated lines may always be left. */
const someOutdated = 64;

export class LedgerFile<T> {
  readonly #kind: LedgerKind<T>;
  readonly #watcher: LedgerWatcher<T>;
  #owners = new Map<string, readonly T[]>();
  /** The whole lines of the file, as long as nobody has asked for more than for single owners. */
  #unread: Buffer | undefined;
  #position: Position | undefined;
  #older: { readonly seen: FileIdentity; readonly file: Versioned } | undefined;
  /** What the owners are of, while it has its older form. */
  #from: Versioned | undefined;

  constructor(kind: LedgerKind<T>, watcher: LedgerWatcher<T>) {
    this.#kind = kind;
    this.#watcher = watcher;
  }

  /** Those that have something. @throws STATE_CORRUPT */
  get owners(): LedgerChange<T> {
    this.#readUnread();
    return this.#owners;
  }

  /** @throws STATE_CORRUPT */
  of(owner: string): readonly T[] {
    if (this.#unread === undefined) return this.#owners.get(owner) ?? nothing;
    const at = lastWordOn(owner, this.#unread);
    if (at === -1) return nothing;
    const before = this.#unread.subarray(0, at).toString().split('\n').length - 2;
    const [word] = this.#wordsIn(this.#unread.subarray(at, this.#unread.indexOf(10, at) + 1), before);
    return word?.[1] ?? nothing;
  }

  /**
   * Reads what has been written since the last time.
   *
   * @param closely with the lock held, before a change: a file that looks the same is not taken for the same, and all of it is read
   * @throws STATE_CORRUPT, STATE_TOO_NEW
   */
  refresh(closely = false): void {
    this.#refresh(closely);
    if (closely) this.#readUnread();
  }

  #refresh(closely: boolean): void {
    const older = this.#lookAtOlder(closely);
    if (older?.version === 1) {
      if (older !== this.#from) this.#reset(byOwner(this.#kind, older));
      this.#from = older;
      return;
    }
    if (this.#from !== undefined) this.#reset(new Map());
    const seen = look(this.#kind.path);
    if (seen === undefined) {
      if (this.#position !== undefined) this.#reset(new Map());
      return;
    }
    if (!closely && this.#position !== undefined && isSameFile(this.#position.seen, seen)) return;
    try {
      this.#readOn();
    } catch (error) {
      // What was made of a part of it is nothing to build upon.
      this.#reset(new Map());
      // Another process has removed it since it was seen: nobody has anything.
      if (isErrno(error, 'ENOENT')) return;
      throw isUnreadable(error) ? corrupt(this.#kind.path, 'cannot be read', error) : error;
    }
  }

  /** Call with the lock held, after a close look. @throws RESOURCE_DISK_FULL; then all is as it was */
  async write(change: LedgerChange<T>): Promise<void> {
    if (!this.#isCurrent) await this.#writeFirst(change);
    else if (this.#leavesNothing(change)) await rm(this.#kind.path, { force: true });
    else if (!this.#isOutdated || !(await this.#hasRewritten(change))) await this.#append(changeLines(change));
    this.refresh(true);
  }

  /** Takes over what is in the older form, if it still is. Call with the lock held, after a close look. */
  async adopt(): Promise<void> {
    if (this.#from !== undefined) await this.write(new Map());
  }

  get #isOutdated(): boolean {
    return this.#position === undefined || this.#position.lines > 2 * this.#owners.size + someOutdated;
  }

  #leavesNothing(change: LedgerChange<T>): boolean {
    if (this.#kind.isLasting || [...change.values()].some(({ length }) => length > 0)) return false;
    return [...this.#owners.keys()].every((owner) => change.has(owner));
  }

  /** An older tszone has been told. */
  get #isCurrent(): boolean {
    return this.#older !== undefined && this.#older.file.version > 1;
  }

  #lookAtOlder(closely: boolean): Versioned | undefined {
    const { path } = this.#kind.older;
    const seen = look(path);
    const isKnown = seen !== undefined && this.#older !== undefined && isSameFile(this.#older.seen, seen);
    if (seen === undefined) this.#older = undefined;
    else if (!isKnown || (closely && !this.#isCurrent)) {
      const file = readJsonNow(path, 2);
      this.#older = file && { seen, file };
    }
    return this.#older?.file;
  }

  #reset(owners: Map<string, readonly T[]>): void {
    this.#owners = owners;
    this.#unread = undefined;
    this.#position = undefined;
    this.#from = undefined;
    this.#watcher.reset();
  }

  #readOn(): void {
    const { path } = this.#kind;
    const fd = openSync(path, 'r');
    try {
      const seen = fstatSync(fd);
      const known = this.#position !== undefined && isContinued(fd, this.#position, seen) ? this.#position : undefined;
      const start = known === undefined ? 0 : endOf(known);
      const bytes = readAt(fd, start, Math.max(0, seen.size - start));
      const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
      if (known === undefined) this.#readWhole(whole, seen);
      else if (whole.length === 0) this.#position = { ...known, seen };
      else this.#readMore(whole, { ...known, seen }, start);
    } finally {
      closeSync(fd);
    }
  }

  #readWhole(whole: Buffer, seen: FileIdentity): void {
    const { path } = this.#kind;
    this.#reset(new Map());
    const head = Buffer.from(whole.subarray(0, whole.indexOf(10) + 1));
    checkVersion(path, parseJson(path, head.toString()), ledgerVersion);
    this.#unread = whole;
    this.#position = { seen, head, ...lastOf(whole, 0), lines: 0 };
  }

  #readMore(whole: Buffer, position: Position, start: number): void {
    this.#readUnread();
    const lines = this.#position?.lines ?? 0;
    const words = this.#wordsIn(whole, lines);
    for (const word of words) this.#apply(word);
    this.#position = { ...position, ...lastOf(whole, start), lines: lines + words.length };
  }

  #readUnread(): void {
    if (this.#unread === undefined || this.#position === undefined) return;
    const words = this.#wordsIn(this.#unread.subarray(this.#position.head.length), 0);
    this.#unread = undefined;
    for (const word of words) this.#apply(word);
    this.#position = { ...this.#position, lines: words.length };
  }

  /** @param before how many lines there are between the first of the file and these */
  #wordsIn(whole: Buffer, before: number): readonly LedgerWord<T>[] {
    const words = parseWords<T>(whole.toString(), this.#kind.isEntry);
    if (!('bad' in words)) return words;
    throw corrupt(this.#kind.path, `makes no sense in line ${before + words.bad + 2}`, words.cause);
  }

  #apply([owner, entries]: LedgerWord<T>): void {
    this.#watcher.changed(this.#owners.get(owner) ?? nothing, entries);
    if (entries.length > 0) this.#owners.set(owner, entries);
    else this.#owners.delete(owner);
  }

  async #writeFirst(change: LedgerChange<T>): Promise<void> {
    const { isLasting, older } = this.#kind;
    await this.#rewrite(change);
    const file = older.without(this.#older?.file);
    await (isLasting ? writeJson(older.path, file) : writeRunTimeFile(older.path, JSON.stringify(file)));
  }

  async #rewrite(change: LedgerChange<T>): Promise<void> {
    const { path, isLasting } = this.#kind;
    await (isLasting ? writeFileAtomic : writeRunTimeFile)(path, wholeText(withChange(this.owners, change)));
  }

  /** A full disk may have room for a line. */
  async #hasRewritten(change: LedgerChange<T>): Promise<boolean> {
    try {
      await this.#rewrite(change);
      return true;
    } catch (error) {
      if (this.#position === undefined || !hasCode(error, 'RESOURCE_DISK_FULL')) throw error;
      return false;
    }
  }

  async #append(line: string): Promise<void> {
    const { path, isLasting } = this.#kind;
    const end = this.#position === undefined ? 0 : endOf(this.#position);
    const file = await open(path, 'a');
    try {
      // What a killed writer has left of a line.
      if ((await file.stat()).size > end) ftruncateSync(file.fd, end);
      await file.writeFile(line);
      if (isLasting) await file.sync();
    } catch (error) {
      // If it cannot be taken back it is of no consequence: what follows in an undo says that the owner has nothing.
      truncate(file.fd, end);
      throw diskFull(error, path);
    } finally {
      await file.close();
    }
  }
}

const nothing: readonly never[] = [];

function truncate(fd: number, size: number): void {
  try {
    ftruncateSync(fd, size);
  } catch {
    // Of an appended line: see above.
  }
}

function byOwner<T>({ ownerOf, older }: LedgerKind<T>, file: Versioned): Map<string, readonly T[]> {
  const owners = new Map<string, T[]>();
  for (const entry of older.entriesOf(file)) {
    const owner = ownerOf(entry);
    owners.set(owner, [...(owners.get(owner) ?? []), entry]);
  }
  return owners;
}
