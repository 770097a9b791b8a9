/**
 * Which range of host ids belongs to which zone. One register serves all roots of the machine, since ids are global to
 * the kernel; it also keeps clear of what /etc/subuid and /etc/subgid hand out (subuid(5)).
 */

import { dirname, join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { access, readdir, readFile } from '../host/quick-fs.js';
import { isSameList, type MaybeEphemeral, splitByLife } from './ephemeral.js';
import { isErrno, readJson, type Versioned, writeJson, writeRunTimeFile } from './json-file.js';
import { acquireLock } from './lock.js';
import { mountOf, mountPoints } from './mounts.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

/** `count` ids from `base` on, in the initial user namespace. */
export interface IdRange {
  readonly base: number;
  readonly count: number;
}

/** Whose a range is. */
export interface IdLease extends IdRange {
  readonly root: string;
  readonly zone: string;
}

interface Entry extends IdLease, MaybeEphemeral {
  /** What the root lay on: while that is not mounted, nobody knows whether the root is gone. */
  readonly mount?: string | undefined;
}

interface RegisterFile extends Versioned {
  readonly version: 1;
  readonly entries: readonly Entry[];
}

/** One zone's share: what 16-bit user ids need. */
export const idsPerZone = 65_536;
/** Above what distributions give to people and to systemd's dynamic ranges (systemd: UIDS-GIDS). */
const firstBase = 0x1000_0000;
const lastBase = 0x7000_0000;

export const defaultRegisterDirectory = '/var/lib/tszone-ids';

/**
 * Gives the zone a range that nobody else has, or the one it has already.
 *
 * @throws RESOURCE_IDS_EXHAUSTED no free range is left
 */
export async function leaseIds(roots: Roots, zone: string, options: IdLeaseOptions = {}): Promise<IdRange> {
  const { count = idsPerZone, directory } = options;
  const held = (await readEntries(directory)).find((entry) => isOf(entry, roots, zone) && entry.count === count);
  if (held !== undefined) return { base: held.base, count };
  return withRegister(directory, async (entries) => {
    const { range, others, isHeld } = await chooseIds(entries, roots, { zone, count });
    if (isHeld) return { entries, result: range };
    return {
      entries: [...others, await entryOf(roots, zone, { ...range, ephemeral: options.ephemeral })],
      result: range,
    };
  });
}

export interface IdLeaseOptions {
  readonly count?: number | undefined;
  readonly directory?: string | undefined;
  /** The zone does not outlive this boot, nor need its range. */
  readonly ephemeral?: true | undefined;
}

const isOf = (entry: Entry, { root }: Pick<Roots, 'root'>, zone: string) => entry.root === root && entry.zone === zone;

async function entryOf({ root }: Roots, zone: string, range: IdRange & MaybeEphemeral): Promise<Entry> {
  const { base, count } = range;
  if (range.ephemeral === true) return { base, count, root, zone, ephemeral: true };
  return { base, count, root, zone, mount: mountOf(root, await mountPoints()) };
}

/**
 * Before a zone runs with the range of its record: the register says so, too, also if it was lost, restored from a backup
 * or pruned while the zone's disk was away. One read and no lock if all is right.
 *
 * @returns `range`, or another if somebody else has it by now: to be written into the record
 * @throws RESOURCE_IDS_EXHAUSTED
 */
export async function claimIds(
  roots: Roots,
  zone: string,
  range: IdRange,
  { directory, ephemeral }: Omit<IdLeaseOptions, 'count'> = {},
): Promise<IdRange> {
  const isMine = (entry: Entry) => isOf(entry, roots, zone);
  const isRight = (entry: Entry) => isMine(entry) && entry.base === range.base && entry.count === range.count;
  if ((await readEntries(directory)).some(isRight)) return range;
  return withRegister(directory, async (entries) => {
    const others = entries.filter((entry) => !isMine(entry));
    const isFree = !others.some((other) => overlaps(other, range));
    const base = isFree ? range.base : findFree([...others, ...(await subordinateRanges())], range.count);
    const mine = { base, count: range.count };
    return { entries: [...others, await entryOf(roots, zone, { ...mine, ephemeral })], result: mine };
  });
}

const overlaps = (a: IdRange, b: IdRange) => a.base < b.base + b.count && b.base < a.base + a.count;

/** What `leaseIds` would give now; nothing is written. @throws RESOURCE_IDS_EXHAUSTED */
export async function previewIds(roots: Roots, zone: string, directory?: string): Promise<IdRange> {
  const entries = await readEntries(directory);
  return (await chooseIds(entries, roots, { zone, count: idsPerZone })).range;
}

async function chooseIds(
  entries: readonly Entry[],
  roots: Roots,
  { zone, count }: { readonly zone: string; readonly count: number },
): Promise<{ range: IdRange; others: readonly Entry[]; isHeld: boolean }> {
  const mine = entries.find((entry) => isOf(entry, roots, zone));
  const others = entries.filter((entry) => entry !== mine);
  if (mine !== undefined && mine.count === count) return { range: { base: mine.base, count }, others, isHeld: true };
  const base = findFree([...others, ...(await subordinateRanges())], count);
  return { range: { base, count }, others, isHeld: false };
}

/** Gives the zone's range back. Nothing to give back is success. */
export async function releaseIds(roots: Roots, zone: string, directory?: string): Promise<void> {
  await withRegister(directory, async (entries) => ({
    entries: entries.filter((entry) => !isOf(entry, roots, zone)),
    result: undefined,
  }));
}

/** The range goes with the zone to its new name. If it has gone already, nothing is done. */
export async function renameIds(roots: Roots, from: string, to: string, directory?: string): Promise<void> {
  await withRegister(directory, async (entries) => {
    if (!entries.some((entry) => isOf(entry, roots, from))) return { entries, result: undefined };
    // What a zone that had the new name long ago has left would make two of it.
    const kept = entries.filter((entry) => !isOf(entry, roots, to));
    return {
      entries: kept.map((entry) => (isOf(entry, roots, from) ? { ...entry, zone: to } : entry)),
      result: undefined,
    };
  });
}

const filePath = (directory = defaultRegisterDirectory) => join(directory, 'ranges.json');
/** Of zones that do not outlive this boot. */
const runTimePath = (directory?: string) =>
  directory === undefined ? '/run/tszone-ids/ranges.json' : join(directory, 'run', 'ranges.json');

async function readEntries(directory: string | undefined): Promise<readonly Entry[]> {
  const files = await Promise.all(
    [filePath(directory), runTimePath(directory)].map((path) => readJson<RegisterFile>(path, 1)),
  );
  return files.flatMap((file) => file?.entries ?? []);
}

async function withRegister<T>(
  directory: string | undefined,
  change: (entries: readonly Entry[]) => Promise<{ entries: readonly Entry[]; result: T }>,
): Promise<T> {
  const lock = join(directory ?? defaultRegisterDirectory, 'lock');
  await using _lock = await acquireLock(lock, { what: 'the register of id ranges' });
  const before = await readEntries(directory);
  const { entries, result } = await change(before);
  if (entries !== before) await writeEntries(directory, splitByLife(before), splitByLife(entries));
  return result;
}

async function writeEntries(directory: string | undefined, before: Split, after: Split): Promise<void> {
  if (!isSameList(before.ephemeral, after.ephemeral)) {
    const file: RegisterFile = { version: 1, entries: after.ephemeral };
    await writeRunTimeFile(runTimePath(directory), JSON.stringify(file));
  }
  if (!isSameList(before.lasting, after.lasting))
    await writeJson<RegisterFile>(filePath(directory), { version: 1, entries: after.lasting });
}

type Split = ReturnType<typeof splitByLife<Entry>>;

/** First fit, so that a host that makes and deletes zones all day stays within a small part of the space. */
function findFree(taken: readonly IdRange[], count: number): number {
  const sorted = taken.filter((range) => range.count > 0).toSorted((a, b) => a.base - b.base);
  let base = firstBase;
  for (const range of sorted) {
    if (range.base + range.count <= base) continue;
    if (range.base >= base + count) break;
    base = Math.ceil((range.base + range.count) / idsPerZone) * idsPerZone;
  }
  if (base + count > lastBase) {
    throw zoneError('RESOURCE_IDS_EXHAUSTED', 'no free range of user ids is left', {
      hint: 'Delete zones that are no longer needed (tszone list, tszone delete NAME).',
      context: { count },
    });
  }
  return base;
}

async function subordinateRanges(): Promise<IdRange[]> {
  const texts = await Promise.all(['/etc/subuid', '/etc/subgid'].map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.flatMap((text) =>
    text.split('\n').flatMap((line) => {
      const [, base, count] = line.split(':').map(Number);
      return base !== undefined && count !== undefined && base >= 0 && count > 0 ? [{ base, count }] : [];
    }),
  );
}

export interface PruneIdsOptions {
  readonly directory?: string | undefined;
  /** Ids that processes have now; a test's own. */
  readonly usedIds?: () => Promise<readonly number[]>;
}

/**
 * Drops entries whose zone is gone, for `doctor --fix`: the root is there without the zone, or what the root lay on is
 * mounted and the root is not there. A root that may be away only now keeps all that it has, as does a range with a process.
 *
 * @returns what was dropped
 */
export async function pruneIds({ directory, usedIds = processIds }: PruneIdsOptions = {}): Promise<IdLease[]> {
  if ((await readEntries(directory)).length === 0) return [];
  return withRegister(directory, async (entries) => {
    const points = await mountPoints();
    const gone = await Promise.all(entries.map((entry) => isGone(entry, points)));
    const used = gone.includes(true) ? await usedIds() : [];
    const isDropped = (entry: Entry, index: number) =>
      gone[index] === true && !used.some((id) => id >= entry.base && id < entry.base + entry.count);
    const dropped = entries.filter(isDropped);
    const kept = dropped.length === 0 ? entries : entries.filter((entry) => !dropped.includes(entry));
    return { entries: kept, result: dropped.map(({ root, zone, base, count }) => ({ root, zone, base, count })) };
  });
}

async function isGone({ root, zone, mount }: Entry, points: readonly string[]): Promise<boolean> {
  const paths = zonePaths({ root, runRoot: '', instance: '' }, zone);
  // An empty directory may be where a disk belongs.
  if (await exists(dirname(paths.directory))) {
    return !(await exists(paths.directory)) && !(await exists(join(root, 'journal', `${zone}.json`)));
  }
  return mount !== undefined && points.includes(mount) && !(await exists(root));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    // What cannot be looked at (EACCES, EIO) is there.
    (error: unknown) => !isErrno(error, 'ENOENT', 'ENOTDIR'),
  );
}

/** User and group ids of all processes: real, effective, saved and of the file system (proc_pid_status(5)). */
async function processIds(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')));
  const lines = texts.flatMap((text) => [...text.matchAll(/^[UG]id:\t(.*)$/gm)].map(([, ids = '']) => ids));
  return [...new Set(lines.flatMap((line) => line.split('\t').map(Number)))];
}
