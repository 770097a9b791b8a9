/** How far a ledger has been read, and whether it goes on from there. */
import { readSync, statSync } from 'node:fs';
import type { FileIdentity } from '../helper/index.js';
import { isSameFile } from './parsed-files.js';

/** How far the file has been read. */
export interface Position {
  readonly seen: FileIdentity;
  /** The first line. */
  readonly head: Buffer;
  /** The last whole line, and where it begins. */
  readonly last: Buffer;
  readonly lastAt: number;
  /** Besides the first; as far as they have been looked through. */
  readonly lines: number;
}

export const endOf = ({ lastAt, last }: Position) => lastAt + last.length;

/** The last of some whole lines that begin at `start`. */
export function lastOf(whole: Buffer, start: number): Pick<Position, 'last' | 'lastAt'> {
  const at = whole.length < 2 ? 0 : whole.lastIndexOf(10, whole.length - 2) + 1;
  return { last: Buffer.from(whole.subarray(at)), lastAt: start + at };
}

export function look(path: string): FileIdentity | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** The same file, of which nothing that has been read was taken back; nor was it edited. */
export function isContinued(fd: number, { seen, head, last, lastAt }: Position, now: FileIdentity): boolean {
  if (!isSameFile(seen, now) && now.size <= seen.size) return false;
  return readAt(fd, 0, head.length).equals(head) && readAt(fd, lastAt, last.length).equals(last);
}

export function readAt(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const count = readSync(fd, bytes, done, length - done, at + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
