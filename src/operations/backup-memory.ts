/** What a zone was like at its last backup in each repository: a zone that still is need not be read again (decision 0032). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../errors/index.js';
import { namesIn, readJson, writeJson, zonePaths } from '../state/index.js';
import { type Repository, runRestic } from './backup-repository.js';
import { isSettled, type ZoneState } from './backup-state.js';
import type { HostContext } from './host-context.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

export interface KnownBackup {
  /** A directory, or the repository as it was given. */
  readonly repository: string;
  /** Of a backup that has all of the zone. */
  readonly id: string;
  /** Of the zone's state. */
  readonly key: string;
  readonly entries: number;
  readonly sizeBytes: number;
}

interface BackupMemory {
  readonly version: 1;
  /** The newest first. */
  readonly backups: readonly KnownBackup[];
}

const mostRepositories = 16;
const placeOf = ({ directory, name }: Repository) => directory ?? name;

/** The backup in which the zone is what it is now, if that is still there. What is remembered only saves work: unreadable, it is nothing. */
export async function findSame(
  host: HostContext,
  zone: string,
  repository: Repository,
  look: () => Promise<ZoneState | undefined>,
): Promise<KnownBackup | undefined> {
  const known = (await readMemory(host, zone)).find((one) => one.repository === placeOf(repository));
  if (known === undefined || known.key !== (await look())?.key) return undefined;
  return (await isThere(repository, known.id)) ? known : undefined;
}

/** The zone has a backup there, or had one. */
export async function isRemembered(host: HostContext, zone: string, repository: Repository): Promise<boolean> {
  return (await readMemory(host, zone)).some((one) => one.repository === placeOf(repository));
}

async function readMemory({ roots }: HostContext, zone: string): Promise<readonly KnownBackup[]> {
  try {
    return (await readJson<BackupMemory>(zonePaths(roots, zone).backups, 1))?.backups ?? [];
  } catch (error) {
    if (hasCode(error, 'STATE_CORRUPT') || hasCode(error, 'STATE_TOO_NEW')) return [];
    throw error;
  }
}

async function isThere(repository: Repository, id: string): Promise<boolean> {
  const { directory } = repository;
  // A snapshot is a file there, whose name begins with its short id.
  if (directory !== undefined) return (await namesIn(join(directory, 'snapshots'))).some((name) => name.startsWith(id));
  // Whatever is wrong there shows when the zone is stored as a whole.
  return runRestic(repository, ['cat', 'snapshot', id, '--no-lock']).then(
    () => true,
    () => false,
  );
}

export async function rememberBackup(
  host: HostContext,
  zone: string,
  repository: Repository,
  known: Omit<KnownBackup, 'repository'>,
  options: OperationOptions,
): Promise<void> {
  await using _lock = await lockZone(host, zone, options);
  // Deleted meanwhile: its directory must not come back.
  if (!existsSync(zonePaths(host.roots, zone).record)) return;
  const place = placeOf(repository);
  const others = (await readMemory(host, zone)).filter((one) => one.repository !== place);
  const backups = [{ ...known, repository: place }, ...others].slice(0, mostRepositories);
  const memory: BackupMemory = { version: 1, backups };
  await writeJson(zonePaths(host.roots, zone).backups, memory);
}

/**
 * The key of what has just been frozen, or `undefined` if a later change might not show.
 *
 * @param before looked at before it was frozen, `after` afterwards
 * @param frozen its layers, and whether they are a copy of what the zone goes on with
 */
export function keyOfFrozen(
  before: ZoneState | undefined,
  after: ZoneState | undefined,
  frozen: { readonly layers: readonly string[]; readonly isCopy: boolean },
): string | undefined {
  if (frozen.isCopy) return before !== undefined && isSettled(before) ? before.key : undefined;
  if (before === undefined || after === undefined || !isSettled(after) || before.local?.hash !== after.local?.hash)
    return undefined;
  const isSame = after.layers.join() === frozen.layers.join();
  // Nothing is above the layers yet.
  return isSame && after.own.entries === 1 ? after.key : undefined;
}
