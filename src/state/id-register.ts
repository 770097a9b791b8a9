/**
 * Which range of host ids belongs to which zone. One register serves all roots of the machine, since ids are global to
 * the kernel; it also keeps clear of what /etc/subuid and /etc/subgid hand out (subuid(5)).
 */

import { type ZoneError, zoneError } from '../errors/index.js';
import { formatUserns, hasHostIds, hostIds, idCount, type UsernsSpec } from '../spec/index.js';
import type { MaybeEphemeral } from './ephemeral.js';
import { accountRanges, subordinateRanges } from './host-ranges.js';
import { type Entry, type IdLedger, type IdRange, idLedger, idOwner, withRegister } from './id-register-file.js';
import { type IdSpace, idSpace, idsPerZone } from './id-space.js';
import { mountOf, mountPoints } from './mounts.js';
import type { Roots } from './roots.js';

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
  const isHeld = (entry: Entry) => entry.count === count && entry.shared !== true;
  const held = idLedger(directory).refresh().of(idOwner(roots, zone)).find(isHeld);
  if (held !== undefined) return { base: held.base, count };
  return withRegister(directory, async (register) => {
    const { range, isHeld } = await chooseIds(register, roots, { zone, count });
    if (!isHeld) await record(register, await entryOf(roots, zone, { ...range, ephemeral: options.ephemeral }));
    return range;
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
  const isRight = (entry: Entry) => entry.base === base && entry.count === count && entry.shared === shared;
  if (idLedger(directory).refresh().of(idOwner(roots, zone)).some(isRight)) return { base, count };
  return withRegister(directory, async (register) => {
    await refuseTaken(othersIn(register, roots, zone), told);
    await record(register, await entryOf(roots, zone, { base, count, ephemeral, shared }));
    return { base, count };
  });
}

/** The zone has this, and nothing else any more. */
async function record(register: IdLedger, entry: Entry): Promise<void> {
  await register.write(new Map([[idOwner(entry, entry.zone), [entry]]]));
}

/** What other zones have, in the order of the ids. */
function othersIn(register: IdLedger, roots: Roots, zone: string): readonly Entry[] {
  const own = register.of(idOwner(roots, zone));
  const { entries } = register.index;
  return own.length === 0 ? entries : entries.filter((entry) => !own.includes(entry));
}

/** Whether `leaseIds` would give what was told now; nothing is written. @throws IDS_TAKEN */
export async function requireIds(roots: Roots, zone: string, { userns }: WantedIds, directory?: string): Promise<void> {
  if (userns.kind !== 'range') return;
  await refuseTaken(othersIn(idLedger(directory).refresh(), roots, zone), userns);
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
  const isRight = (entry: Entry) => entry.base === range.base && entry.count === range.count && entry.shared !== true;
  if (idLedger(directory).refresh().of(idOwner(roots, zone)).some(isRight)) return range;
  return withRegister(directory, async (register) => {
    const others = othersIn(register, roots, zone);
    const { isInner, end } = idSpace();
    // Written down where more ids could be given: a root that has been moved into a zone.
    const isMapped = !isInner || range.base + range.count <= end;
    const isFree = isMapped && !others.some((other) => overlaps(other, range));
    const base = isFree ? range.base : findFree([...others, ...(await subordinateRanges())], range.count);
    const mine = { base, count: range.count };
    await record(register, await entryOf(roots, zone, { ...mine, ephemeral }));
    return mine;
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
  return (await chooseIds(idLedger(directory).refresh(), roots, { zone, count: idCount(ids) })).range;
}

async function chooseIds(
  register: IdLedger,
  roots: Roots,
  { zone, count }: { readonly zone: string; readonly count: number },
): Promise<{ range: IdRange; isHeld: boolean }> {
  const [mine] = register.of(idOwner(roots, zone));
  if (mine !== undefined && mine.count === count && mine.shared !== true)
    return { range: { base: mine.base, count }, isHeld: true };
  const subordinate = await subordinateRanges();
  return {
    range: { base: findFree([...othersIn(register, roots, zone), ...subordinate], count), count },
    isHeld: false,
  };
}

/** Gives the zone's range back. Nothing to give back is success. */
export async function releaseIds(roots: Roots, zone: string, directory?: string): Promise<void> {
  const owner = idOwner(roots, zone);
  if (idLedger(directory).refresh().of(owner).length === 0) return;
  await withRegister(directory, (register) => register.write(new Map([[owner, []]])));
}

/** The range goes with the zone to its new name. If it has gone already, nothing is done. */
export async function renameIds(roots: Roots, from: string, to: string, directory?: string): Promise<void> {
  await withRegister(directory, async (register) => {
    const entries = register.of(idOwner(roots, from)).map((entry) => ({ ...entry, zone: to }));
    if (entries.length === 0) return;
    // What a zone that had the new name long ago has left would make two of it.
    await register.write(
      new Map([
        [idOwner(roots, from), []],
        [idOwner(roots, to), entries],
      ]),
    );
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
