/**
 * For a process that lives long: files that it has parsed are read again only when they have changed. Off by default: a command
 * reads each file once.
 */
import { statSync } from 'node:fs';
import type { FileIdentity, SeenFile } from '../helper/index.js';

interface Parsed extends FileIdentity {
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

export const keepsParsedFiles = (): boolean => files !== undefined;

/** What has been made of it, which may be another file by now. */
export function lastParsed<T>(path: string): T | undefined {
  return files?.get(path)?.value as T | undefined;
}

/** What has been made of it, if it is what has just been seen there. */
export function recalled<T>(path: string, seen: SeenFile): T | undefined {
  const known = files?.get(path);
  if (seen === 'none') files?.delete(path);
  if (known === undefined || seen === 'unknown' || seen === 'none') return undefined;
  return isSameFile(known, seen) ? (known.value as T) : undefined;
}

/**
 * What `parse` makes of the file, or has made of it. All writers replace the file, so a change shows in its inode, times or size. The
 * same is true of a directory's list.
 *
 * @param parse reads the file anew; `undefined`: there is none
 */
export async function parsedOnce<T>(path: string, parse: () => Promise<T | undefined>): Promise<T | undefined> {
  if (files === undefined) return parse();
  // Not how old it is when it has been parsed, which takes its time: it may have been changed meanwhile.
  const lookedAtMs = Date.now();
  const now = look(path);
  // What is wrong with it is for `parse` to say.
  if (now === 'unknown') return parse();
  const known = files.get(path);
  if (now !== 'none' && known !== undefined && isSameFile(known, now)) return known.value as T;
  files.delete(path);
  const value = now === 'none' ? undefined : await parse();
  if (now !== 'none' && value !== undefined && lookedAtMs - now.mtimeMs > settledMs) {
    if (files.size >= mostFiles) files.clear();
    const { ino, size, mtimeMs, ctimeMs } = now;
    files.set(path, { ino, size, mtimeMs, ctimeMs, value });
  }
  return value;
}

function look(path: string): SeenFile {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? 'none';
  } catch {
    return 'unknown';
  }
}

/** It has not been replaced or written to in between. */
export const isSameFile = (known: FileIdentity, now: FileIdentity) =>
  known.mtimeMs === now.mtimeMs && known.ctimeMs === now.ctimeMs && known.size === now.size && known.ino === now.ino;
