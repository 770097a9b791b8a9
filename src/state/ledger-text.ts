/** The lines of a ledger. Pure. */
import { randomBytes } from 'node:crypto';

/** What each of some owners has from now on; nothing: `[]`. */
export type LedgerChange<T> = ReadonlyMap<string, readonly T[]>;

/** Of one owner, as a line says it: `["web",[…]]`. */
export type LedgerWord<T> = readonly [owner: string, entries: readonly T[]];

export const ledgerVersion = 1;

/** The first line of a file; no other file has the same. */
export const headLine = () => `${JSON.stringify({ version: ledgerVersion, file: randomBytes(6).toString('hex') })}\n`;

const lineOf = <T>(word: LedgerWord<T>) => `${JSON.stringify(word)}\n`;

/** A line for each owner. What is given comes before what is given back: a rename that is cut in between has lost nothing. */
export function changeLines<T>(change: LedgerChange<T>): string {
  const words = [...change];
  const given = words.filter(([, entries]) => entries.length > 0);
  return [...given, ...words.filter(([, entries]) => entries.length === 0)].map(lineOf).join('');
}

export const wholeText = <T>(owners: LedgerChange<T>) => headLine() + changeLines(owners);

export function withChange<T>(owners: LedgerChange<T>, change: LedgerChange<T>): Map<string, readonly T[]> {
  const next = new Map(owners);
  for (const [owner, entries] of change) {
    if (entries.length > 0) next.set(owner, entries);
    else next.delete(owner);
  }
  return next;
}

/** Where the last line about an owner begins in whole lines, the first of which is about nobody; -1: there is none. */
export function lastWordOn(owner: string, whole: Buffer): number {
  const at = whole.lastIndexOf(`\n[${JSON.stringify(owner)},`);
  return at === -1 ? -1 : at + 1;
}

export interface BadLine {
  /** Counted from the first that was given. */
  readonly bad: number;
  readonly cause?: unknown;
}

/** @param text whole lines */
export function parseWords<T>(
  text: string,
  isEntry: (value: Partial<T>) => boolean,
): readonly LedgerWord<T>[] | BadLine {
  const values = parseAll(text);
  if ('bad' in values) return values;
  for (let at = 0; at < values.length; at += 1) if (!isWord<T>(values[at], isEntry)) return { bad: at };
  return values as LedgerWord<T>[];
}

const noLine = /^$|\n\n/;

/** At once, which takes half the time; one after the other where one of them is wrong. */
function parseAll(text: string): readonly unknown[] | BadLine {
  const lines = text.slice(0, -1);
  if (text === '') return [];
  try {
    const values = JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as unknown[];
    if (!noLine.test(lines)) return values;
  } catch {
    // Which one it is comes next.
  }
  const values: unknown[] = [];
  for (const [at, line] of lines.split('\n').entries()) {
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      return { bad: at, cause };
    }
  }
  return values;
}

function isWord<T>(value: unknown, isEntry: (value: Partial<T>) => boolean): boolean {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== 'string') return false;
  const entries: unknown = value[1];
  if (!Array.isArray(entries)) return false;
  for (const entry of entries) {
    if (typeof entry !== 'object' || entry === null || !isEntry(entry as Partial<T>)) return false;
  }
  return true;
}
