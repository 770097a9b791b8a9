/** The monitor's log and its rotated files as bytes: read once, in the order in which they were written. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { isErrno } from '../state/index.js';

const newline = 0x0a;
const chunkBytes = 65_536;

/** One file, wherever it is renamed to. Its inode is not used again as long as it is open. */
export class LogFile {
  readonly #handle: FileHandle;
  readonly #inode: number;
  /** Bytes read so far. */
  #offset = 0;
  /** The beginning of a line whose end has not been written yet. */
  #rest = Buffer.alloc(0);

  private constructor(handle: FileHandle, inode: number) {
    this.#handle = handle;
    this.#inode = inode;
  }

  /** @returns `undefined` if there is none */
  static async open(path: string): Promise<LogFile | undefined> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    return handle === undefined ? undefined : new LogFile(handle, (await handle.stat()).ino);
  }

  isSame(other: LogFile): boolean {
    return other.#inode === this.#inode;
  }

  /** Whether it is still what the path means. */
  async isAt(path: string): Promise<boolean> {
    return stat(path).then(
      ({ ino }) => ino === this.#inode,
      () => false,
    );
  }

  /** The lines that were ended since the last call. */
  async *newLines(): AsyncGenerator<string> {
    // A log of a single file is not renamed, but emptied.
    if ((await this.#handle.stat()).size < this.#offset) {
      this.#offset = 0;
      this.#rest = Buffer.alloc(0);
    }
    for (;;) {
      const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      yield* this.#split(buffer.subarray(0, bytesRead));
    }
  }

  /** The same, and what is left at the end, when nothing is written any more. */
  async *lastLines(): AsyncGenerator<string> {
    yield* this.newLines();
    const rest = this.#rest.toString();
    this.#rest = Buffer.alloc(0);
    if (rest !== '') yield rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  *#split(bytes: Buffer): Generator<string> {
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      yield Buffer.concat([this.#rest, bytes.subarray(start, end)]).toString();
      this.#rest = Buffer.alloc(0);
      start = end + 1;
    }
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(start)]);
  }
}

/**
 * What there is, oldest first. Opened newest first: a rotation meanwhile shows a file twice, which is left out, and never
 * hides one.
 */
export async function openLogFiles(log: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (const path of [log, `${log}.1`, `${log}.2`]) {
    const file = await LogFile.open(path);
    if (file === undefined) continue;
    if (files.some((known) => known.isSame(file))) await file[Symbol.asyncDispose]();
    else files.unshift(file);
  }
  return files;
}

/** The files that were begun after `current`; all, if it has been rotated away. */
export async function openSuccessors(log: string, current: LogFile | undefined): Promise<LogFile[]> {
  if (current !== undefined && (await current.isAt(log))) return [];
  const files = await openLogFiles(log);
  const at = current === undefined ? -1 : files.findIndex((file) => file.isSame(current));
  for (const file of files.splice(0, at + 1)) await file[Symbol.asyncDispose]();
  return files;
}
