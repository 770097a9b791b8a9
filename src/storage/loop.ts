/** Volumes that are files, each with an ext4 of its own: a hard bound anywhere. Mounted while the zone runs. */
import { existsSync } from 'node:fs';
import { open, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { lstat, mkdir, readFile, rm, stat, statfs } from '../host/quick-fs.js';
import { diskFull, isErrno, syncDirectory } from '../state/index.js';
import { copySparse } from './copy-sparse.js';
import type { Opening, Pool, StorageDriver, VolumeChange, VolumeLimits, VolumeUsage } from './driver.js';
import { checkExt4, growMounted, makeExt4, ownInodes, readSuperblock, resizeExt4, smallestBytes } from './ext4.js';
import {
  beginLayerFile,
  blanksOf,
  defaultVolumeBytes,
  endLayerFile,
  freezeFile,
  layerFileOf,
  listLayerFiles,
  mergeLayerFiles,
  removeLayerFile,
} from './loop-layers.js';
import { isMountPoint, loopDeviceOf, mountFile, unmountFile, waitForFile } from './loop-mount.js';
import { dressRoot } from './overlay-layers.js';
import { poolGone } from './pool-errors.js';

export const loopDriver: StorageDriver = {
  name: 'loop',
  movesBounds: false,
  abilities: async () => ({ quota: true, inodes: true, showsQuota: true, freeze: loopDriver.freezes }),
  freezes: 'copy',
  directory,
  layerDirectory: (pool, layer, openedAs) => join(layerMount(pool, layer, openedAs), 'upper'),
  layersBelow: (from) => from,
  create: make,
  remove,
  resize,
  checkResize,
  needsOpen: () => true,
  open: openAll,
  close: (pool, opening) => sideBySide(mountPoints(pool, opening).map(unmountFile)),
  mountPoints,
  isUntouched,
  freeze: (pool, volume, layer, options) =>
    freezeFile(pool, frozenFile(pool, volume, layer, options.base), layer, options),
  stacksCopies: true,
  // A file system needs more than what its files have; what is not used is a hole.
  beginLayer: (pool, layer, bytes) =>
    beginLayerFile(pool, layer, bytesFor({ diskBytes: Math.max(defaultVolumeBytes, 1.5 * bytes) })),
  endLayer: endLayerFile,
  merge: (pool, layer, layers) =>
    mergeLayerFiles(
      pool,
      layer,
      layers.map((one) => join(layerMount(pool, one, layer), 'upper')),
    ),
  removeLayer: removeLayerFile,
  listLayers: listLayerFiles,
  usage,
};

const fileOf = (pool: Pool, volume: string) => join(pool.path, 'volumes', `${volume}.img`);
const newFileOf = (pool: Pool, volume: string) => `${fileOf(pool, volume)}.new`;
/** One for each opening: who closes it takes nothing from another. The kernel keeps one file system for all of them. */
const layerMount = (pool: Pool, layer: string, openedAs: string) => join(pool.mounts, `${openedAs}-${layer}`);

function directory(pool: Pool, volume: string): string {
  return join(pool.mounts, volume);
}

function mountPoints(pool: Pool, { id, volume, layers }: Opening): string[] {
  const own = volume === undefined ? [] : [directory(pool, volume)];
  return [...own, ...layers.map((layer) => layerMount(pool, layer, id))];
}

const frozenFile = (pool: Pool, volume: string, layer: string, base: string | undefined) => ({
  file: fileOf(pool, volume),
  directory: directory(pool, volume),
  earlier: base === undefined ? undefined : layerMount(pool, base, layer),
});

async function make(pool: Pool, volume: string, limits: VolumeLimits): Promise<void> {
  bytesFor(limits);
  if (!existsSync(fileOf(pool, volume))) await renew(pool, volume, limits);
}

/** It has its name when it is whole. */
async function renew(pool: Pool, volume: string, limits: VolumeLimits): Promise<void> {
  const bytes = bytesFor(limits);
  await rm(newFileOf(pool, volume), { force: true });
  try {
    await makeExt4(newFileOf(pool, volume), bytes, limits, blanksOf(pool));
    await rename(newFileOf(pool, volume), fileOf(pool, volume));
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? poolGone(pool, error) : diskFull(error, fileOf(pool, volume));
  }
}

/** @throws POOL_CANNOT */
function bytesFor({ diskBytes = defaultVolumeBytes }: VolumeLimits): number {
  if (diskBytes >= smallestBytes) return Math.floor(diskBytes / 4096) * 4096;
  throw zoneError('POOL_CANNOT', 'a volume of a loop pool has at least 16 MB', {
    hint: 'Pass --disk 16M or more.',
    context: { bytes: diskBytes },
  });
}

/** What a killed command left mounted goes first. */
async function remove(pool: Pool, volume: string): Promise<void> {
  await unmountFile(directory(pool, volume));
  await rm(fileOf(pool, volume), { force: true });
  await rm(newFileOf(pool, volume), { force: true });
}

const options = ['discard', 'errors=remount-ro', 'noinit_itable'];

/** Each takes some ms of waiting. */
async function openAll(pool: Pool, { id, volume, layers }: Opening): Promise<void> {
  const volumes = volume === undefined ? [] : [mountVolume(pool, volume)];
  await sideBySide([...layers.map((layer) => mountLayer(pool, layer, id)), ...volumes]);
  const [top] = layers;
  const like = top === undefined ? null : join(layerMount(pool, top, id), 'upper');
  if (volume !== undefined) await furnish(directory(pool, volume), like);
}

/** Whoever takes back what one of them has failed to do must not find the others at work. */
async function sideBySide(all: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(all)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function mountLayer(pool: Pool, layer: string, id: string): Promise<void> {
  const file = layerFileOf(pool, layer);
  await requireFile(pool, file);
  // noload: the journal of what is never written again is empty.
  await mountFile({ file, target: layerMount(pool, layer, id), type: 'ext4', options: ['ro', 'noload'] });
}

async function mountVolume(pool: Pool, volume: string): Promise<void> {
  const [file, target] = [fileOf(pool, volume), directory(pool, volume)];
  await requireFile(pool, file);
  if (!isMountPoint(target) && (await readSuperblock(file)).hasErrors) {
    await waitForFile(file);
    await checkExt4(file, false);
  }
  await mountFile({ file, target, type: 'ext4', options });
}

/** @param like what the root of one that is opened for the first time looks like */
async function furnish(target: string, like: string | null): Promise<void> {
  await mkdir(join(target, 'work'), { recursive: true, mode: 0o700 });
  if (existsSync(join(target, 'upper'))) return;
  const next = join(target, 'next');
  await mkdir(next, { recursive: true, mode: 0o755 });
  await dressRoot(next, like);
  await rename(next, join(target, 'upper'));
}

async function requireFile(pool: Pool, file: string): Promise<void> {
  const found = await lstat(file).catch((error: unknown) => {
    throw isErrno(error, 'ENOENT', 'ENOTDIR') ? poolGone(pool, error) : error;
  });
  if (!found.isFile()) throw poolGone(pool);
}

async function resize(pool: Pool, volume: string, limits: VolumeLimits): Promise<void> {
  const [bytes, { size }] = [bytesFor(limits), await stat(fileOf(pool, volume))];
  // A restore's: as one that is new. A large ext4 cannot become a small one, even if nothing is in it.
  if (await isUntouched(pool, volume)) return renew(pool, volume, limits);
  await (bytes >= size ? grow(pool, volume, bytes) : remake(pool, volume, bytes));
}

/** Of inodes there are as many for each byte as when it was made. */
async function checkResize(pool: Pool, volume: string, { limits, previous }: VolumeChange): Promise<void> {
  const [bytes, { size }] = [bytesFor(limits), await stat(fileOf(pool, volume))];
  if (limits.inodes !== previous.inodes) {
    throw cannot(
      pool,
      'the number of inodes is fixed when a volume is made',
      'Make a zone with --inodes N, and copy what is in this one.',
    );
  }
  if (bytes > size && limits.inodes !== undefined) {
    throw cannot(
      pool,
      'with more bytes a volume has more inodes, and they are bounded',
      'Make a zone with another --disk and --inodes, and copy what is in this one.',
    );
  }
  if (bytes === size || !isMountPoint(directory(pool, volume))) return;
  if (bytes < size) throw cannot(pool, 'a volume shrinks only while nobody uses it', 'Stop the zone first.');
  if (!(await canGrowMounted())) {
    const why = 'without CAP_SYS_RESOURCE the kernel enlarges no ext4 that is mounted';
    throw cannot(pool, why, 'Stop the zone first, or run tszone with that capability.');
  }
}

function cannot({ name, driver }: Pool, why: string, hint: string): Error {
  return zoneError('POOL_CANNOT', `pool "${name}" cannot do that: ${why}`, { hint, context: { pool: name, driver } });
}

/** Without it the kernel lets nobody enlarge an ext4 that is mounted; containers often lack it. */
const canGrowMounted = async () => {
  const bits = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${bits}`) & (1n << capSysResource)) !== 0n;
};
const capSysResource = 24n;

/** By the kernel, which survives a power cut on the way, also if nobody has it open. */
async function grow(pool: Pool, volume: string, bytes: number): Promise<void> {
  if (!(await canGrowMounted())) return remake(pool, volume, bytes);
  const file = fileOf(pool, volume);
  const isOpen = isMountPoint(directory(pool, volume));
  await truncate(file, bytes);
  const opening = { id: volume, volume, layers: [] };
  if (!isOpen) await openAll(pool, opening);
  try {
    const device = await loopDeviceOf(file);
    if (device === undefined) throw poolGone(pool);
    await growMounted(device);
  } finally {
    if (!isOpen) await loopDriver.close(pool, opening);
  }
}

/** On a copy, which takes its place in one step: resize2fs(8) may be killed at any instant. */
async function remake(pool: Pool, volume: string, bytes: number): Promise<void> {
  const [file, fresh] = [fileOf(pool, volume), newFileOf(pool, volume)];
  await waitForFile(file);
  try {
    await copySparse(file, fresh);
    await resizeExt4(fresh, bytes);
    const handle = await open(fresh, 'r+');
    await handle.sync().finally(() => handle.close());
    await rename(fresh, file);
    await syncDirectory(join(pool.path, 'volumes'));
  } catch (error) {
    await rm(fresh, { force: true });
    throw diskFull(error, file);
  }
}

/**
 * One that nobody has mounted. How many inodes are used would be no proof: the file has the number only when the kernel has let go of the
 * file system, and a copy of a mount namespace can hold it longer than us.
 */
async function isUntouched(pool: Pool, volume: string): Promise<boolean> {
  return !(await readSuperblock(fileOf(pool, volume))).wasMounted;
}

async function usage(pool: Pool, volume: string): Promise<VolumeUsage> {
  const target = directory(pool, volume);
  if (isMountPoint(target)) {
    const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(target);
    const [bytes, bytesLimit, bytesFree] = [blocks - bfree, blocks, bavail].map((count) => count * bsize);
    const inodesLimit = files - ownInodes;
    return { bytes, bytesLimit, bytesFree, inodes: inodesLimit - ffree, inodesLimit };
  }
  const { bytes, usedBytes, inodes, usedInodes } = await readSuperblock(fileOf(pool, volume));
  return { bytes: usedBytes, bytesLimit: bytes, inodes: usedInodes, inodesLimit: inodes };
}
