/** ext4 in a file: made, read, grown, shrunk. By e2fsprogs, but for its superblock, which is read as it lies on disk. */
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { runTool } from '../host/tool.js';
import { diskFull } from '../state/index.js';
import type { VolumeLimits } from './driver.js';
import { keepBlank, readBlank, writeBlank } from './ext4-blanks.js';
import { asDiskFull, growMountedFile } from './grow-file.js';

const e2fsprogs = (tool: string, args: readonly string[]) =>
  runTool({ tool, args, package: 'e2fsprogs' }).catch((error: unknown) => {
    throw asDiskFull(error, args.at(-1) ?? '');
  });

const mebibyte = 1024 ** 2;
export const smallestBytes = 16 * mebibyte;
const groupBytes = 128 * mebibyte;
/** Inodes that a block of the table holds: a group has no fewer. */
const inodeStep = 16;
/** The file system's own, up to lost+found. */
export const ownInodes = 11;

/**
 * Up to there tables are reserved for growth: mke2fs would reserve, and write, 4 MB of them for a thousand times the size. What grows
 * further is given tables in other places (meta_bg), by the kernel as by resize2fs.
 */
const roomFor = (bytes: number) => Math.max(16 * bytes, 160 * 1024 * mebibyte);

/** @param blanks where what was made before may be kept @throws RESOURCE_DISK_FULL */
export async function makeExt4(file: string, bytes: number, limits: VolumeLimits, blanks: string): Promise<void> {
  const inodes = limits.inodes === undefined ? undefined : inodesFor(bytes, limits.inodes);
  const name = blankName(bytes, inodes);
  const blank = readBlank(join(blanks, name));
  try {
    if (blank !== undefined) return await writeBlank(blank, file, bytes);
    const handle = await open(file, 'wx', 0o600);
    await handle.truncate(bytes).finally(() => handle.close());
  } catch (error) {
    throw diskFull(error, file);
  }
  await makeAnew(file, bytes, inodes);
  const { inodes: made } = await readSuperblock(file);
  await keepBlank(file, blanks, [...new Set([name, blankName(bytes, made + ownInodes)])]);
}

/** `SIZE` for mke2fs's own number of inodes, else `SIZE-INODES`. */
const blankName = (bytes: number, inodes: number | undefined) =>
  inodes === undefined ? String(bytes) : `${bytes}-${inodes}`;

/**
 * The file is all holes, so nothing has to be zeroed, now or later (mke2fs(8), assume_storage_prezeroed). A journal of 64 MB is
 * enough for one zone; nothing is reserved for root, who is the zone's. With a seed of its own for checksums it can be copied.
 */
async function makeAnew(file: string, bytes: number, inodes: number | undefined): Promise<void> {
  const zeroed = 'nodiscard,assume_storage_prezeroed=1,lazy_itable_init=1,lazy_journal_init=1';
  const extended = `${zeroed},root_owner=0:0,resize=${Math.ceil(roomFor(bytes) / 4096)}`;
  const journal = bytes >= 1024 * mebibyte ? ['-J', 'size=64'] : [];
  await e2fsprogs('mkfs.ext4', [
    '-q',
    '-F',
    ...['-b', '4096', '-I', '256', '-m', '0'],
    ...['-O', 'metadata_csum,metadata_csum_seed', '-E', extended],
    ...journal,
    ...(inodes === undefined ? [] : ['-N', String(inodes)]),
    file,
  ]);
}

/** As many as there can be without exceeding the bound; each group of blocks has the same number. @throws POOL_CANNOT */
export function inodesFor(bytes: number, bound: number): number {
  const step = inodeStep * Math.ceil(bytes / groupBytes);
  const inodes = Math.floor((bound + ownInodes) / step) * step;
  if (inodes > 0) return inodes;
  throw zoneError(
    'POOL_CANNOT',
    `a file system of ${Math.floor(bytes / mebibyte)} MB has at least ${step - ownInodes} inodes`,
    {
      hint: `Pass --inodes ${step - ownInodes} or more, or a smaller --disk.`,
      context: { inodes: bound, least: step - ownInodes },
    },
  );
}

export interface Ext4Numbers {
  readonly bytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly usedInodes: number;
  readonly hasErrors: boolean;
  /** It could have been written to. The kernel marks that in the file before it lets anybody in; e2fsck(8) forgets the one, never the other. */
  readonly wasMounted: boolean;
}

/** Of a file system that is not mounted: the kernel writes most of these when it unmounts. Offsets: Documentation/filesystems/ext4/super.rst. */
export async function readSuperblock(file: string): Promise<Ext4Numbers> {
  const block = Buffer.alloc(1024);
  const handle = await open(file, 'r');
  try {
    await handle.read(block, 0, block.length, 1024);
  } finally {
    await handle.close();
  }
  const blockBytes = 1024 << block.readUInt32LE(0x18);
  const wide = (low: number, high: number) => block.readUInt32LE(low) + block.readUInt32LE(high) * 2 ** 32;
  const [blocks, free] = [wide(0x4, 0x150), wide(0xc, 0x158)];
  const inodes = block.readUInt32LE(0);
  return {
    bytes: blocks * blockBytes,
    usedBytes: (blocks - free) * blockBytes,
    inodes: inodes - ownInodes,
    usedInodes: inodes - ownInodes - block.readUInt32LE(0x10),
    hasErrors: (block.readUInt16LE(0x3a) & 2) !== 0,
    wasMounted: block.readUInt32LE(mountedAt) !== 0 || block.readUInt16LE(mountCount) !== 0,
  };
}

const [mountedAt, mountCount] = [0x2c, 0x34];

/** Repairs what needs no decision; e2fsck(8) ends with 1 when it has. */
export async function checkExt4(file: string, force: boolean): Promise<void> {
  await e2fsprogs('e2fsck', [force ? '-fp' : '-p', file]).catch((error: unknown) => {
    if (!isRepaired(error)) throw error;
  });
}

const isRepaired = (error: unknown) =>
  error instanceof Error && 'context' in error && (error.context as { status?: unknown }).status === 1;

/** A mounted one, through its device, which is as large as its file again first. */
export async function growMounted(device: string): Promise<void> {
  await growMountedFile(device);
  await e2fsprogs('resize2fs', [device]);
}

/** One that is not mounted, to more or to less. @throws POOL_CANNOT what is in it does not fit */
export async function resizeExt4(file: string, bytes: number): Promise<void> {
  await checkExt4(file, true);
  const isLess = (await stat(file)).size > bytes;
  if (isLess) await requireFit(file, bytes);
  else await truncate(file, bytes);
  await e2fsprogs('resize2fs', [file, `${Math.floor(bytes / 4096)}`]);
  if (isLess) await truncate(file, bytes);
}

/** @throws POOL_CANNOT */
async function requireFit(file: string, bytes: number): Promise<void> {
  const { stdout } = await e2fsprogs('resize2fs', ['-P', file]);
  const least = Number(/:\s*(\d+)\s*$/.exec(stdout)?.[1] ?? Number.NaN) * 4096;
  if (least <= bytes) return;
  const leastMb = Math.ceil(least / mebibyte);
  throw zoneError('POOL_CANNOT', `what the zone has written, and what its ext4 has for itself, takes ${leastMb} MB`, {
    hint: `Pass --disk ${leastMb}M or more, or delete files in the zone first.`,
    context: { leastBytes: least, bytes },
  });
}
