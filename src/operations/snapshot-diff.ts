/** `snapshot diff`: which files differ between two snapshots of a zone, or a snapshot and the zone as it is. */

import { lstatSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { zoneError } from '../errors/index.js';
import { readRunning, readSnapshot, readZone, type ZoneImage } from '../state/index.js';
import { type Base, diffStacks, listTree, over, stackOf, type TreeChange, type TreeEntry } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { lookUpMerged, namesMerged } from './merged-lookup.js';
import { imageLayersOf } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { directoryOf, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface DiffInput {
  readonly zone: string;
  readonly from: string;
  /** Absent: the zone as it is now. */
  readonly to?: string | undefined;
}

export interface SnapshotDiff {
  readonly from: string;
  readonly to: string;
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
  readonly changes: readonly TreeChange[];
}

/** @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND, ZONE_STATE they are made of different images or lie in different pools */
export async function diffSnapshots(
  host: HostContext,
  { zone, from, to }: DiffInput,
  options: OperationOptions = {},
): Promise<SnapshotDiff> {
  await using _lock = await lockZone(host, zone, options);
  const record = await readZone(host.roots, zone);
  const before = await readSnapshot(host.roots, zone, from);
  const after = to === undefined ? { ...record, ...record.storage } : await readSnapshot(host.roots, zone, to);
  const place = await volumeOf(host.roots, { ...record, storage: { pool: before.pool, volume: '', layers: [] } });
  refuseStrangers(before, { image: after.image, pool: after.pool ?? 'default' }, zone);
  const chains = { before: before.layers, after: after.layers ?? [] };
  const isOpen = (await readRunning(host.roots, zone)) !== undefined;
  const own = to === undefined ? await volumeOf(host.roots, record) : undefined;
  const changes = await compare(host, { place, ...chains, own, isOpen, image: before.image, signal: options.signal });
  const count = (kind: TreeChange['change']) => changes.filter(({ change }) => change === kind).length;
  return {
    from: `${zone}@${from}`,
    to: to === undefined ? zone : `${zone}@${to}`,
    added: count('added'),
    changed: count('changed'),
    deleted: count('deleted'),
    changes,
  };
}

interface Comparison {
  readonly place: ZoneVolume;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The zone's volume, on top of the second. */
  readonly own: ZoneVolume | undefined;
  /** The zone runs: its volume is open. */
  readonly isOpen: boolean;
  readonly image: ZoneImage;
  readonly signal: AbortSignal | undefined;
}

/** Layers that both have at the bottom cannot differ: what is in them is only looked up. */
async function compare(host: HostContext, input: Comparison): Promise<TreeChange[]> {
  const { place, before, after, own, isOpen, image, signal } = input;
  const { pool, driver } = place;
  const id = `diff-${process.pid}`;
  const layers = [...new Set([...before, ...after])];
  const openings = [
    { id, layers },
    ...(own === undefined || isOpen ? [] : [{ id: own.volume, volume: own.volume, layers }]),
  ];
  const opened = driver.needsOpen(pool) ? openings : [];
  try {
    for (const opening of opened) await driver.open(pool, opening);
    const list = (layer: string) => listTree(driver.layerDirectory(pool, layer, id), signal);
    const shared = commonEnd(before, after);
    const top = (chain: readonly string[]) => Promise.all(chain.slice(0, chain.length - shared).map(list));
    const upper = own === undefined ? [] : [await listTree(`${directoryOf(own)}/upper`, signal)];
    const common = stackOf(await Promise.all(before.slice(before.length - shared).map(list)));
    const base = over(common, await imageBase(imageLayersOf(host, image), signal));
    return await diffStacks(stackOf(await top(before)), stackOf([...upper, ...(await top(after))]), base);
  } finally {
    for (const opening of opened) await driver.close(pool, opening);
  }
}

function commonEnd(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count += 1;
  return count;
}

/** Only between several layers something can be hidden by an attribute, which has to be listed to be seen. */
async function imageBase(trees: readonly string[], signal: AbortSignal | undefined): Promise<Base> {
  const nothing: Base = { entry: async () => undefined, names: async () => [] };
  if (trees.length < 2) return baseOf(trees);
  return over(stackOf(await Promise.all(trees.map((tree) => listTree(tree, signal)))), nothing);
}

/** An image's one layer: nobody writes to it. */
function baseOf(trees: readonly string[]): Base {
  return {
    entry: async (path) => {
      const found = await lookUpMerged(trees, path);
      return found?.paths[0] === undefined ? undefined : entryAt(found.paths[0]);
    },
    names: async (path) => {
      const found = await lookUpMerged(trees, path);
      return found?.stats.isDirectory() === true ? namesMerged(found) : [];
    },
  };
}

async function entryAt(path: string): Promise<TreeEntry> {
  const stats = lstatSync(path, { bigint: true });
  const number = (value: bigint) => String(value);
  return {
    type: typeOf(Number(stats.mode)),
    mode: (Number(stats.mode) & 0o7777).toString(8),
    uid: number(stats.uid),
    gid: number(stats.gid),
    size: number(stats.size),
    mtimeNs: number(stats.mtimeNs),
    rdev: number(stats.rdev),
    inode: number(stats.ino),
    isOpaque: false,
    target: stats.isSymbolicLink() ? await readlink(path) : '',
  };
}

/** The format of a mode, octal, as ls shows it. */
const types: Readonly<Record<string, string>> = { 100: '-', 40: 'd', 120: 'l', 10: 'p', 140: 's', 20: 'c', 60: 'b' };
const typeOf = (mode: number) => types[((mode & 0o170000) >> 9).toString(8)] ?? '?';

interface Made {
  readonly image: Pick<ZoneImage, 'layers'>;
  readonly pool: string;
}

function refuseStrangers(a: Made, b: Made, zone: string): void {
  if (a.pool === b.pool && a.image.layers.join() === b.image.layers.join()) return;
  throw zoneError(
    'ZONE_STATE',
    `what is to be compared of zone "${zone}" lies in different pools, or is made of different images`,
    {
      hint: `Run "tszone clone ${zone}@SNAPSHOT NAME", and compare the files in the two zones.`,
      context: { zone },
    },
  );
}
