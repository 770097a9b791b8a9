/** Spares: zones that are prepared in advance for whoever claims one. */
import { randomInt } from 'node:crypto';
import { hasCode, zoneError } from '../errors/index.js';
import { generateName, modeWarnings, parseZoneOptions, type ZoneOptions } from '../spec/index.js';
import {
  addReadySpare,
  claimAgeMs,
  claimedSpares,
  claimTicket,
  dropClaim,
  dropPoolDirectories,
  findZone,
  lockSpares,
  readPrepared,
  readRunning,
  readSparePools,
  readySpares,
  type SparePool,
  scanZones,
  withdrawTicket,
  writeSparePool,
  writeZone,
} from '../state/index.js';
import { type CreateOptions, createThen } from './create-zone.js';
import { discardZone } from './delete-zone.js';
import type { HostContext } from './host-context.js';
import { runDetached } from './run-zone.js';
import { launchCreated, type StartResult, startZone } from './start-zone.js';
import { lockZone } from './zone-lock.js';

export interface SpareSummary {
  readonly image: string;
  /** How many there are to be. */
  readonly size: number;
  /** How many can be claimed now. */
  readonly ready: number;
}

export interface SparesSet extends SpareSummary {
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

export type SpareOptions = Omit<ZoneOptions, 'name' | 'image'>;

/**
 * From now on so many zones of the image are kept prepared. 0: none any more, and those that there are go. If they cannot be
 * made, all is as it was.
 *
 * @throws SPEC_INVALID, and what create and prepare throw
 */
export async function setSpares(
  host: HostContext,
  image: string,
  pool: { readonly size: number; readonly options: SpareOptions },
  options: CreateOptions = {},
): Promise<SparesSet> {
  const wanted = pool.size === 0 ? undefined : { size: pool.size, options: { ...pool.options, image } };
  const spec = wanted && parseZoneOptions({ ...wanted.options, name: generateName(randomInt) });
  await using _lock = await lockSpares(host.roots, options.signal);
  const before = await findPool(host, image);
  await changePool(host, image, { from: before, to: wanted });
  try {
    await dropStale(host);
    await fillLocked(host, image, options);
  } catch (error) {
    await changePool(host, image, { from: wanted, to: before });
    throw error;
  }
  const notes = spec === undefined ? [] : modeWarnings(spec, `each spare of image "${image}"`);
  return { image, size: pool.size, ready: (await readySpares(host.roots, image)).length, notes };
}

export async function findPool({ roots }: HostContext, image: string): Promise<SparePool | undefined> {
  const pools = await readSparePools(roots);
  return Object.hasOwn(pools, image) ? pools[image] : undefined;
}

/** Those that are too many go; so do all if they were made with something else than what is wanted now. */
async function changePool(
  host: HostContext,
  image: string,
  { from, to }: { readonly from: SparePool | undefined; readonly to: SparePool | undefined },
): Promise<void> {
  await writeSparePool(host.roots, image, to);
  const isSame = JSON.stringify(from?.options) === JSON.stringify(to?.options);
  await withdraw(host, image, isSame ? (to?.size ?? 0) : 0);
  if (to === undefined) await dropPoolDirectories(host.roots, image);
}

export async function listSpares({ roots }: HostContext): Promise<SpareSummary[]> {
  const pools = Object.entries(await readSparePools(roots));
  return Promise.all(
    pools.map(async ([image, { size }]) => ({ image, size, ready: (await readySpares(roots, image)).length })),
  );
}

/**
 * Makes what is missing of all pools, takes apart what is too much or was left by a reboot or a killed claim. A pool that cannot be
 * filled keeps no other from being so.
 *
 * @throws what create and prepare throw
 */
export async function fillSpares(host: HostContext, options: CreateOptions = {}): Promise<SpareSummary[]> {
  const { roots } = host;
  await using _lock = await lockSpares(roots, options.signal);
  for (const zone of await claimedSpares(roots)) await settleClaim(host, zone);
  await dropStale(host);
  const failures: unknown[] = [];
  for (const image of Object.keys(await readSparePools(roots)))
    await fillLocked(host, image, options).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
  return await listSpares(host);
}

/** Call with the lock of the spares. */
async function fillLocked(host: HostContext, image: string, options: CreateOptions): Promise<void> {
  const pool = await findPool(host, image);
  if (pool === undefined) return;
  await withdraw(host, image, pool.size);
  const ready = await readySpares(host.roots, image);
  for (let count = ready.length; count < pool.size; count += 1) await addSpare(host, image, pool, options);
}

async function addSpare(host: HostContext, image: string, pool: SparePool, options: CreateOptions): Promise<void> {
  const name = generateName(randomInt);
  const { spec } = await createThen(
    host,
    { ...pool.options, name },
    { ...options, spareOf: image },
    async (record, parts) => {
      await launchCreated(host, record, { signal: options.signal, hold: true, parts });
      return record;
    },
  );
  await addReadySpare(host.roots, { image, zone: name, isWarned: modeWarnings(spec).length > 0 });
}

async function withdraw(host: HostContext, image: string, keep: number): Promise<void> {
  for (const zone of (await readySpares(host.roots, image)).slice(keep)) {
    if (await withdrawTicket(host.roots, image, zone)) await discardSpare(host, zone);
  }
}

/** Tickets of zones that are no longer prepared, and spares without a ticket: of a killed command, or from before a reboot. */
async function dropStale(host: HostContext): Promise<void> {
  const { roots } = host;
  const ready = new Set<string>();
  for (const image of Object.keys(await readSparePools(roots))) {
    for (const zone of await readySpares(roots, image)) {
      if ((await readPrepared(roots, zone)) !== undefined) ready.add(zone);
      else await withdrawTicket(roots, image, zone);
    }
  }
  const claimed = new Set(await claimedSpares(roots));
  const { records } = await scanZones(roots);
  for (const { spec, spareOf } of records) {
    if (spareOf === undefined || ready.has(spec.name) || claimed.has(spec.name)) continue;
    await discardSpare(host, spec.name);
  }
}

/** One that somebody has started by its name is his. */
async function discardSpare(host: HostContext, zone: string): Promise<void> {
  await using _lock = await lockZone(host, zone);
  const record = await findZone(host.roots, zone);
  if (record?.spareOf === undefined || (await readRunning(host.roots, zone)) !== undefined) return;
  await discardZone(host, zone);
}

/** Nobody takes that long from a claim to the start. */
const claimLimitMs = 60_000;

/** What a killed claim left: a zone that was let go is an ordinary one from now on; of one that was not, nobody has heard. */
async function settleClaim(host: HostContext, zone: string): Promise<void> {
  const { roots } = host;
  const ageMs = await claimAgeMs(roots, zone);
  await using _lock = await lockZone(host, zone);
  const record = await findZone(roots, zone);
  if (record?.spareOf !== undefined) {
    const isRunning = (await readRunning(roots, zone)) !== undefined;
    if (!isRunning && ageMs < claimLimitMs) return;
    if (isRunning) await writeZone(roots, { ...record, spareOf: undefined });
    else await discardZone(host, zone);
  }
  await dropClaim(roots, zone);
}

export interface ClaimResult {
  readonly name: string;
  readonly pid: number;
  /** false: there was none left, and the zone was made from the beginning. */
  readonly wasSpare: boolean;
  readonly notes: readonly string[];
}

/**
 * A running zone of the image, at once: a spare, or a new one if none is left.
 *
 * @throws SPARE_NOT_FOUND no spares are kept of that image
 */
export async function claimSpare(host: HostContext, image: string, options: CreateOptions = {}): Promise<ClaimResult> {
  const pool = await requirePool(host, image);
  for (const zone of await readySpares(host.roots, image)) {
    if (!(await claimTicket(host.roots, image, zone))) continue;
    const started = await startClaimed(host, zone, options);
    if (started !== undefined) return { ...started, wasSpare: true };
  }
  return { ...(await runDetached(host, pool.options, options)), wasSpare: false };
}

/** @returns `undefined` if somebody has deleted it by its name, or started it */
async function startClaimed(
  host: HostContext,
  zone: string,
  { signal }: CreateOptions,
): Promise<StartResult | undefined> {
  try {
    const started = await startZone(host, zone, { signal });
    await dropClaim(host.roots, zone);
    return started;
  } catch (error) {
    const isTaken = hasCode(error, 'ZONE_NOT_FOUND', 'ZONE_RUNNING');
    // Nobody learns its name: it would stay for ever.
    if (!isTaken) await discardStarted(host, zone);
    await dropClaim(host.roots, zone);
    if (isTaken) return undefined;
    throw error;
  }
}

async function discardStarted(host: HostContext, zone: string): Promise<void> {
  await using _lock = await lockZone(host, zone);
  if ((await findZone(host.roots, zone)) !== undefined) await discardZone(host, zone);
}

/** @throws SPARE_NOT_FOUND */
export async function requirePool(host: HostContext, image: string): Promise<SparePool> {
  const pool = await findPool(host, image);
  if (pool !== undefined) return pool;
  throw zoneError('SPARE_NOT_FOUND', `no spares are kept of image "${image}"`, {
    hint: `Run "tszone spare set ${image} --size 2" first, or "tszone run -d ${image}".`,
    context: { image },
  });
}
