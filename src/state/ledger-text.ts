/** The lines of a ledger. Pure. */
import { randomBytes } from 'node:crypto';

/** What each of some owners has from now on; nothing: `[]`. */
export type LedgerChange<T> = ReadonlyMap<string, readonly T[]>;

export const ledgerVersion = 1;

/** The first line of a file; no other file has the same. */
export const headLine = () => `${JSON.stringify({ version: ledgerVersion, file: randomBytes(6).toString('hex') })}\n`;

/** `[["web",[…]],["old",[]]]` */
export const changeLine = <T>(change: LedgerChange<T>) => `${JSON.stringify([...change])}\n`;

/** An owner a line, those that have something. */
export const wholeText = <T>(owners: LedgerChange<T>) =>
  [headLine(), ...[...owners].map((pair) => changeLine(new Map([pair])))].join('');

export function withChange<T>(owners: LedgerChange<T>, change: LedgerChange<T>): Map<string, readonly T[]> {
  const next = new Map(owners);
  for (const [owner, entries] of change) {
    if (entries.length > 0) next.set(owner, entries);
    else next.delete(owner);
  }
  return next;
}

export interface BadLine {
  /** Counted from the first that was given. */
  readonly bad: number;
  readonly cause?: unknown;
}

/** @param text whole lines */
export function parseChanges<T>(
  text: string,
  isEntry: (value: Partial<T>) => boolean,
): readonly LedgerChange<T>[] | BadLine {
  const lines = text.split('\n').slice(0, -1);
  const values = parseAll(lines);
  if ('bad' in values) return values;
  const bad = values.findIndex((value) => !isChange(value, isEntry));
  return bad === -1 ? values.map((value) => new Map(value as [string, T[]][])) : { bad };
}

/** At once, which takes half the time; one after the other where one of them is wrong. */
function parseAll(lines: readonly string[]): readonly unknown[] | BadLine {
  try {
    const values = JSON.parse(`[${lines.join(',')}]`) as unknown[];
    if (values.length === lines.length) return values;
  } catch {
    // Which one it is comes next.
  }
  const values: unknown[] = [];
  for (const [at, line] of lines.entries()) {
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      return { bad: at, cause };
    }
  }
  return values;
}

function isChange<T>(value: unknown, isEntry: (value: Partial<T>) => boolean): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: unknown) =>
        Array.isArray(pair) &&
        pair.length === 2 &&
        typeof pair[0] === 'string' &&
        Array.isArray(pair[1]) &&
        pair[1].every((entry: unknown) => typeof entry === 'object' && entry !== null && isEntry(entry as Partial<T>)),
    )
  );
}
