/**
 * A new ext4 as a copy of one that mke2fs(8) has just made: what of it is no hole, some 300 kB, is kept beside the volumes, one file for each
 * size and number of inodes. A copy is another file system all the same: it has a UUID of its own, which the feature metadata_csum_seed
 * allows without the checksum of every block. Whatever is wrong with what is kept, it is not used, and made anew.
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runTool } from '../helper/index.js';
import { lstat, mkdir, readdir, rm } from '../host/quick-fs.js';
import { readSealed, writeSealed } from '../state/index.js';
import { crc32c } from './crc32c.js';

export interface Blank {
  /** From the file's start: where its pieces go. */
  readonly pieces: readonly { readonly at: number; readonly bytes: Buffer }[];
}

interface Header {
  readonly version: number;
  readonly extents: readonly (readonly number[])[];
}

const [mostBlanks, mostBytes] = [12, 8 * 1024 ** 2];

/** @param path in the directory of blanks. @returns `undefined`: it is not there, or is not what was written */
export function readBlank(path: string): Blank | undefined {
  const data = readSealed(path);
  if (data === undefined) return undefined;
  const end = data.indexOf('\n');
  const { version, extents } = JSON.parse(data.toString('utf8', 0, end)) as Header;
  if (version !== 1) return undefined;
  let from = end + 1;
  const pieces = extents.map(([at = 0, length = 0]) => {
    from += length;
    return { at, bytes: data.subarray(from - length, from) };
  });
  return { pieces };
}

/** @throws what a full disk throws; what was written then is the caller's to remove */
export async function writeBlank({ pieces }: Blank, file: string, bytes: number): Promise<void> {
  const fresh = identity();
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.truncate(bytes);
    for (const { at, bytes: piece } of pieces) {
      const own = Buffer.from(piece);
      for (const offset of superblocksIn(at, own)) identify(own.subarray(offset, offset + superblockBytes), fresh);
      writeWhole(handle.fd, own, at);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function writeWhole(fd: number, data: Buffer, at: number): void {
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, at + done);
}

/**
 * Of a file that mke2fs has just made. Nothing is kept of one whose UUID is in all its checksums, or that has not the holes that it is
 * copied without; nor on a disk that is full: it is no loss.
 */
export async function keepBlank(file: string, directory: string, names: readonly string[]): Promise<void> {
  try {
    const extents = await extentsOf(file);
    const total = extents.reduce((sum, [, length]) => sum + length, 0);
    if (total > mostBytes) return;
    const handle = await open(file, 'r');
    const pieces: Buffer[] = [];
    try {
      for (const [at, length] of extents) pieces.push((await handle.read(Buffer.alloc(length), 0, length, at)).buffer);
    } finally {
      await handle.close();
    }
    if (!isCopyable(pieces[0])) return;
    const header = Buffer.from(`${JSON.stringify({ version: 1, extents } satisfies Header)}\n`);
    const blank = Buffer.concat([header, ...pieces]);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await makeRoom(directory);
    for (const name of names) await writeSealed(join(directory, name), blank);
  } catch {
    // The next one is made by mke2fs, too.
  }
}

/** What killed makers have left goes, and the oldest of many. */
async function makeRoom(directory: string): Promise<void> {
  const names = await readdir(directory);
  for (const name of names.filter((one) => one.startsWith('.'))) await rm(join(directory, name), { force: true });
  const whole = names.filter((one) => !one.startsWith('.'));
  const ages = await Promise.all(
    whole.map(async (name) => ({ name, madeMs: (await lstat(join(directory, name))).mtimeMs })),
  );
  const doomed = ages.toSorted((a, b) => b.madeMs - a.madeMs).slice(mostBlanks - 2);
  for (const { name } of doomed) await rm(join(directory, name), { force: true });
}

async function extentsOf(file: string): Promise<[number, number][]> {
  const tool = runTool('extents', [file], { stdout: 'pipe' });
  const [status, said] = await Promise.all([tool.exited, tool.stdout === null ? '' : text(tool.stdout)]);
  if (status !== 0) throw new Error('no extents');
  const lines = said.trim().split('\n');
  return lines.map((line) => line.split(' ').map(Number) as [number, number]);
}

// Documentation/filesystems/ext4/super.rst
const [superblockBytes, firstSuperblock, magic] = [1024, 1024, 0xef53];
const [blockBytes, groupBlocks] = [4096, 32_768];
const [metadataChecksums, seededChecksums] = [0x400, 0x2000];

function isCopyable(start: Buffer | undefined): boolean {
  const block = start?.subarray(firstSuperblock, firstSuperblock + superblockBytes);
  if (block?.length !== superblockBytes || block.readUInt16LE(0x38) !== magic) return false;
  const [incompatible, readOnly] = [block.readUInt32LE(0x60), block.readUInt32LE(0x64)];
  return (incompatible & seededChecksums) !== 0 && (readOnly & metadataChecksums) !== 0;
}

/** The first, and the copies at the start of some groups of blocks. */
function superblocksIn(at: number, piece: Buffer): number[] {
  const found = at === 0 ? [firstSuperblock] : [];
  for (let offset = 0; offset + superblockBytes <= piece.length; offset += blockBytes) {
    const group = (at + offset) / (groupBlocks * blockBytes);
    if (!Number.isInteger(group) || group === 0) continue;
    const isOne = piece.readUInt16LE(offset + 0x38) === magic && piece.readUInt16LE(offset + 0x5a) === group;
    if (isOne) found.push(offset);
  }
  return found;
}

interface Identity {
  readonly uuid: Buffer;
  readonly hashSeed: Buffer;
  readonly nowS: number;
}

function identity(): Identity {
  const uuid = randomBytes(16);
  // RFC 9562, version 4.
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x40, 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  return { uuid, hashSeed: randomBytes(16), nowS: Math.floor(Date.now() / 1000) };
}

function identify(block: Buffer, { uuid, hashSeed, nowS }: Identity): void {
  uuid.copy(block, 0x68);
  hashSeed.copy(block, 0xec);
  for (const time of [0x30, 0x40, 0x108]) block.writeUInt32LE(nowS >>> 0, time);
  block.writeUInt32LE(crc32c(block.subarray(0, 0x3fc)), 0x3fc);
}
