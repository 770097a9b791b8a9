/**
 * Which range of host ids belongs to which zone. One register serves all roots of the machine, since ids are global to
 * the kernel; it also keeps clear of what /etc/subuid and /etc/subgid hand out (subuid(5)).
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { readJson, type Versioned, writeJson } from './json-file.js';
import { acquireLock } from './lock.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

/** `count` ids from `base` on, in the initial user namespace. */
export interface IdRange {
  readonly base: number;
  readonly count: number;
}

interface Entry extends IdRange {
  readonly root: string;
  readonly zone: string;
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
export async function leaseIds(
  roots: Roots,
  zone: string,
  options: { readonly count?: number; readonly directory?: string } = {},
): Promise<IdRange> {
  const count = options.count ?? idsPerZone;
  return withRegister(options.directory, async (entries) => {
    const { range, others, isHeld } = await chooseIds(entries, roots, { zone, count });
    return { entries: isHeld ? entries : [...others, { ...range, root: roots.root, zone }], result: range };
  });
}

/** What `leaseIds` would give now; nothing is written. @throws RESOURCE_IDS_EXHAUSTED */
export async function previewIds(roots: Roots, zone: string, directory?: string): Promise<IdRange> {
  const path = join(directory ?? defaultRegisterDirectory, 'ranges.json');
  const entries = (await readJson<RegisterFile>(path, 1))?.entries ?? [];
  return (await chooseIds(entries, roots, { zone, count: idsPerZone })).range;
}

async function chooseIds(
  entries: readonly Entry[],
  { root }: Roots,
  { zone, count }: { readonly zone: string; readonly count: number },
): Promise<{ range: IdRange; others: readonly Entry[]; isHeld: boolean }> {
  const mine = entries.find((entry) => entry.root === root && entry.zone === zone);
  const others = entries.filter((entry) => entry !== mine);
  if (mine !== undefined && mine.count === count) return { range: { base: mine.base, count }, others, isHeld: true };
  const base = findFree([...others, ...(await subordinateRanges())], count);
  return { range: { base, count }, others, isHeld: false };
}

/** Gives the zone's range back. Nothing to give back is success. */
export async function releaseIds(roots: Roots, zone: string, directory?: string): Promise<void> {
  await withRegister(directory, async (entries) => ({
    entries: entries.filter((entry) => entry.root !== roots.root || entry.zone !== zone),
    result: undefined,
  }));
}

/** The range goes with the zone to its new name. If it has gone already, nothing is done. */
export async function renameIds(roots: Roots, from: string, to: string, directory?: string): Promise<void> {
  const isOf = (entry: Entry, zone: string) => entry.root === roots.root && entry.zone === zone;
  await withRegister(directory, async (entries) => {
    if (!entries.some((entry) => isOf(entry, from))) return { entries, result: undefined };
    // What a zone that had the new name long ago has left would make two of it.
    const kept = entries.filter((entry) => !isOf(entry, to));
    return { entries: kept.map((entry) => (isOf(entry, from) ? { ...entry, zone: to } : entry)), result: undefined };
  });
}

async function withRegister<T>(
  directory: string | undefined,
  change: (entries: readonly Entry[]) => Promise<{ entries: readonly Entry[]; result: T }>,
): Promise<T> {
  const base = directory ?? defaultRegisterDirectory;
  const path = join(base, 'ranges.json');
  await using _lock = await acquireLock(join(base, 'lock'), { what: 'the register of id ranges' });
  const before = (await readJson<RegisterFile>(path, 1))?.entries ?? [];
  const { entries, result } = await change(before);
  if (entries !== before) await writeJson<RegisterFile>(path, { version: 1, entries });
  return result;
}

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

/** Drops entries whose zone is gone from a root that still exists on disk, or whose root is gone. For `doctor --fix`. */
export async function pruneIds(directory?: string): Promise<number> {
  return withRegister(directory, async (entries) => {
    const alive = await Promise.all(
      entries.map((entry) =>
        access(zonePaths({ root: entry.root, runRoot: '', instance: '' }, entry.zone).directory).then(
          () => true,
          () => false,
        ),
      ),
    );
    const kept = entries.filter((_, index) => alive[index]);
    return { entries: kept.length === entries.length ? entries : kept, result: entries.length - kept.length };
  });
}
