/**
 * For a process that lives long: files that it has parsed are read again only when they have changed. Off by default: a command
 * reads each file once.
 */
import { type Stats, statSync } from 'node:fs';

interface Parsed {
  readonly mtimeMs: number;
  readonly size: number;
  readonly ino: number;
  readonly value: unknown;
}

let files: Map<string, Parsed> | undefined;

/** Two changes within one tick of the kernel's clock can look alike: what is that young is not kept. */
const settledMs = 100;
const mostFiles = 50_000;

/** From now on parsed files are kept. @returns ends it */
export function keepParsedFiles(): () => void {
  files ??= new Map();
  return () => {
    files = undefined;
  };
}

/**
 * What `parse` makes of the file, or has made of it. All writers replace the file, so a change shows in its inode, time or size.
 *
 * @param parse reads the file anew; `undefined`: there is none
 */
export async function parsedOnce<T>(path: string, parse: () => Promise<T | undefined>): Promise<T | undefined> {
  if (files === undefined) return parse();
  const now = look(path);
  // What is wrong with it is for `parse` to say.
  if (now === 'unknown') return parse();
  const known = files.get(path);
  if (now !== undefined && known !== undefined && isSame(known, now)) return known.value as T;
  files.delete(path);
  const value = now === undefined ? undefined : await parse();
  if (now !== undefined && value !== undefined && Date.now() - now.mtimeMs > settledMs) {
    if (files.size >= mostFiles) files.clear();
    files.set(path, { mtimeMs: now.mtimeMs, size: now.size, ino: now.ino, value });
  }
  return value;
}

function look(path: string): Stats | 'unknown' | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return 'unknown';
  }
}

const isSame = (known: Parsed, now: Stats) =>
  known.mtimeMs === now.mtimeMs && known.size === now.size && known.ino === now.ino;
