/**
 * Which range of host ids belongs to which zone. One register serves all roots of the machine, since ids are global to
 * the kernel; it also keeps clear of what /etc/subuid and /etc/subgid hand out (subuid(5)).
 */

import { dirname, join } from 'node:path';
import { type ZoneError, zoneError } from '../errors/index.js';
import { access, readdir, readFile } from '../host/quick-fs.js';
import { formatUserns, hasHostIds, hostIds, idCount, type UsernsSpec } from '../spec/index.js';
import type { MaybeEphemeral } from './ephemeral.js';
import { accountRanges, subordinateRanges } from './host-ranges.js';
import { type Entry, type IdLease, type IdRange, readEntries, withRegister } from './id-register-file.js';
import { type IdSpace, idSpace, idsPerZone } from './id-space.js';
import { isErrno } from './json-file.js';
import { mountOf, mountPoints } from './mounts.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

export { defaultRegisterDirectory, type IdLease, type IdRange } from './id-register-file.js';
export { idsPerZone } from './id-space.js';

/**
 * Gives the zone the range that it was told, one that nobody else has, or the one it has already. Without a user namespace:
 * the host's, of which nothing is registered.
 *
 * @throws RESOURCE_IDS_EXHAUSTED no free range is left · IDS_TAKEN what was told is somebody else's
 */
export async function leaseIds(roots: Roots, zone: string, options: IdLeaseOptions = {}): Promise<IdRange> {
  const { directory, ids = ownIds } = options;
  if (hasHostIds(ids)) return hostIds;
  const count = idCount(ids);
  if (ids.userns.kind === 'range') return leaseTold(roots, zone, { ...options, told: ids.userns });
  const isHeld = (entry: Entry) => isOf(entry, roots, zone) && entry.count === count && entry.shared !== true;
  const held = (await readEntries(directory)).find(isHeld);
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
  readonly directory?: string | undefined;
  /** The zone does not outlive this boot, nor need its range. */
  readonly ephemeral?: true | undefined;
  /** What was asked for; a range of its own if nothing was. */
  readonly ids?: WantedIds | undefined;
}

/** Of a zone's spec. */
export interface WantedIds {
  readonly userns: UsernsSpec;
  readonly privileged: boolean;
  /** As many as zones inside need, too. */
  readonly nesting?: boolean;
}

type ToldRange = Extract<UsernsSpec, { kind: 'range' }>;
const ownIds: WantedIds = { userns: { kind: 'auto' }, privileged: false };

async function leaseTold(
  roots: Roots,
  zone: string,
  { told, directory, ephemeral }: IdLeaseOptions & { readonly told: ToldRange },
): Promise<IdRange> {
  const { base, count } = told;
  const shared = told.shared || undefined;
  const isRight = (entry: Entry) =>
    isOf(entry, roots, zone) && entry.base === base && entry.count === count && entry.shared === shared;
  if ((await readEntries(directory)).some(isRight)) return { base, count };
  return withRegister(directory, async (entries) => {
    const others = entries.filter((entry) => !isOf(entry, roots, zone));
    await refuseTaken(others, told);
    return {
      entries: [...others, await entryOf(roots, zone, { base, count, ephemeral, shared })],
      result: { base, count },
    };
  });
}

/** Whether `leaseIds` would give what was told now; nothing is written. @throws IDS_TAKEN */
export async function requireIds(roots: Roots, zone: string, { userns }: WantedIds, directory?: string): Promise<void> {
  if (userns.kind !== 'range') return;
  const entries = await readEntries(directory);
  await refuseTaken(
    entries.filter((entry) => !isOf(entry, roots, zone)),
    userns,
  );
}

/** Another zone has to have agreed; of the host's own it is enough that who tells the range knows. */
async function refuseTaken(others: readonly Entry[], told: ToldRange): Promise<void> {
  requireWithin(idSpace(), told);
  const other = others.find((entry) => overlaps(entry, told) && !(told.shared && entry.shared === true));
  if (other !== undefined) throw takenError(told, `zone "${other.zone}" of ${other.root} has ${rangeText(other)}`);
  if (told.shared) return;
  const host = [...(await subordinateRanges()), ...(await accountRanges())].find((range) => overlaps(range, told));
  if (host !== undefined) throw takenError(told, `${host.of} has ${rangeText(host)}`);
}

/** What has not been mapped into this user namespace, nobody in it can hand on: the kernel says EPERM. */
function requireWithin({ isInner, end }: IdSpace, told: ToldRange): void {
  if (!isInner || told.base + told.count <= end) return;
  const why = `this is a zone, or another user namespace, that has ids 0 to ${end - 1} itself`;
  throw zoneError('IDS_TAKEN', `ids ${formatUserns({ ...told, shared: false })} cannot be given: ${why}`, {
    hint: 'Leave --userns out, for a range that is free; or give the zone around more ids: --nesting --userns auto:SIZE.',
    context: { base: told.base, count: told.count },
  });
}

const rangeText = ({ base, count }: IdRange) => (count === 1 ? `id ${base}` : `ids ${base} to ${base + count - 1}`);

function takenError(told: ToldRange, why: string): ZoneError {
  const range = formatUserns({ ...told, shared: false });
  return zoneError('IDS_TAKEN', `ids ${range} are taken: ${why}`, {
    hint: `Leave --userns out, for a range that is free; or pass --userns ${range},shared, which every zone that shares them has to.`,
    context: { base: told.base, count: told.count },
  });
}

const isOf = (entry: Entry, { root }: Pick<Roots, 'root'>, zone: string) => entry.root === root && entry.zone === zone;

async function entryOf({ root }: Roots, zone: string, range: NewRange): Promise<Entry> {
  const { base, count, shared } = range;
  const lease = { base, count, root, zone, ...(shared === undefined ? {} : { shared }) };
  if (range.ephemeral === true) return { ...lease, ephemeral: true };
  return { ...lease, mount: mountOf(root, await mountPoints()) };
}

interface NewRange extends IdRange, MaybeEphemeral {
  readonly shared?: true | undefined;
}

/**
 * Before a zone runs with the range of its record: the register says so, too, also if it was lost, restored from a backup
 * or pruned while the zone's disk was away. One read and no lock if all is right.
 *
 * @returns `range`, or another if somebody else has it by now or other ids are asked for: to be written into the record
 * @throws RESOURCE_IDS_EXHAUSTED, IDS_TAKEN
 */
export async function claimIds(
  roots: Roots,
  zone: string,
  range: IdRange,
  { directory, ephemeral, ids = ownIds }: IdLeaseOptions = {},
): Promise<IdRange> {
  // What it had before was not its own, or not as many.
  const isNone = hasHostIds(ids) || ids.userns.kind === 'range' || range.base === hostIds.base;
  const isOther = isNone || range.count !== idCount(ids);
  if (isOther) return leaseIds(roots, zone, { directory, ephemeral, ids });
  const isMine = (entry: Entry) => isOf(entry, roots, zone);
  const isRight = (entry: Entry) =>
    isMine(entry) && entry.base === range.base && entry.count === range.count && entry.shared !== true;
  if ((await readEntries(directory)).some(isRight)) return range;
  return withRegister(directory, async (entries) => {
    const others = entries.filter((entry) => !isMine(entry));
    const { isInner, end } = idSpace();
    // Written down where more ids could be given: a root that has been moved into a zone.
    const isMapped = !isInner || range.base + range.count <= end;
    const isFree = isMapped && !others.some((other) => overlaps(other, range));
    const base = isFree ? range.base : findFree([...others, ...(await subordinateRanges())], range.count);
    const mine = { base, count: range.count };
    return { entries: [...others, await entryOf(roots, zone, { ...mine, ephemeral })], result: mine };
  });
}

const overlaps = (a: IdRange, b: IdRange) => a.base < b.base + b.count && b.base < a.base + a.count;

/** What `leaseIds` would give now; nothing is written. @throws RESOURCE_IDS_EXHAUSTED */
export async function previewIds(
  roots: Roots,
  zone: string,
  { ids = ownIds, directory }: Pick<IdLeaseOptions, 'ids' | 'directory'> = {},
): Promise<IdRange> {
  if (hasHostIds(ids)) return hostIds;
  await requireIds(roots, zone, ids, directory);
  if (ids.userns.kind === 'range') return { base: ids.userns.base, count: ids.userns.count };
  const entries = await readEntries(directory);
  return (await chooseIds(entries, roots, { zone, count: idCount(ids) })).range;
}

async function chooseIds(
  entries: readonly Entry[],
  roots: Roots,
  { zone, count }: { readonly zone: string; readonly count: number },
): Promise<{ range: IdRange; others: readonly Entry[]; isHeld: boolean }> {
  const mine = entries.find((entry) => isOf(entry, roots, zone));
  const others = entries.filter((entry) => entry !== mine);
  if (mine !== undefined && mine.count === count && mine.shared !== true)
    return { range: { base: mine.base, count }, others, isHeld: true };
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

/** First fit, so that a host that makes and deletes zones all day stays within a small part of the space. */
function findFree(taken: readonly IdRange[], count: number): number {
  const sorted = taken.filter((range) => range.count > 0).toSorted((a, b) => a.base - b.base);
  const { first, end, isInner } = idSpace();
  let base = first;
  for (const range of sorted) {
    if (range.base + range.count <= base) continue;
    if (range.base >= base + count) break;
    base = Math.ceil((range.base + range.count) / idsPerZone) * idsPerZone;
  }
  if (base + count > end) {
    throw zoneError('RESOURCE_IDS_EXHAUSTED', `no free range of ${count} user ids is left`, {
      hint: isInner
        ? 'Delete zones that are no longer needed; or give the zone around more ids: --nesting --userns auto:SIZE.'
        : 'Delete zones that are no longer needed (tszone list, tszone delete NAME).',
      context: { count },
    });
  }
  return base;
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
