/** Spares: zones that are prepared in advance for whoever claims one. */
import { randomInt } from 'node:crypto';
import { zoneError } from '../errors/index.js';
import { generateName, type ZoneOptions } from '../spec/index.js';
import {
  addReadySpare,
  claimedSpares,
  claimTicket,
  dropClaim,
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
import { launchLocked, startZone } from './start-zone.js';
import { lockZone } from './zone-lock.js';

export interface SpareSummary {
  readonly image: string;
  /** How many there are to be. */
  readonly size: number;
  /** How many can be claimed now. */
  readonly ready: number;
}

export type SpareOptions = Omit<ZoneOptions, 'name' | 'image'>;

/**
 * From now on so many zones of the image are kept prepared. 0: none any more, and those that there are go.
 *
 * @throws SPEC_INVALID, and what create and prepare throw
 */
export async function setSpares(
  host: HostContext,
  image: string,
  pool: { readonly size: number; readonly options: SpareOptions },
  options: CreateOptions = {},
): Promise<SpareSummary> {
  const wanted = pool.size === 0 ? undefined : { size: pool.size, options: { ...pool.options, image } };
  {
    await using _lock = await lockSpares(host.roots, options.signal);
    const before = (await readSparePools(host.roots))[image];
    await writeSparePool(host.roots, image, wanted);
    // What those that there are were made with is not what is wanted now.
    if (JSON.stringify(before?.options) !== JSON.stringify(wanted?.options)) await withdraw(host, image, 0);
  }
  await fillSpares(host, options);
  return { image, size: pool.size, ready: (await readySpares(host.roots, image)).length };
}

export async function listSpares({ roots }: HostContext): Promise<SpareSummary[]> {
  const pools = Object.entries(await readSparePools(roots));
  return Promise.all(
    pools.map(async ([image, { size }]) => ({ image, size, ready: (await readySpares(roots, image)).length })),
  );
}

/**
 * Makes what is missing of all pools, takes apart what is too much or was left by a reboot, and makes claimed spares ordinary zones.
 *
 * @throws what create and prepare throw
 */
export async function fillSpares(host: HostContext, options: CreateOptions = {}): Promise<SpareSummary[]> {
  const { roots } = host;
  await using _lock = await lockSpares(roots, options.signal);
  for (const zone of await claimedSpares(roots)) await adopt(host, zone);
  const pools = await readSparePools(roots);
  await dropStale(host, pools);
  for (const [image, pool] of Object.entries(pools)) {
    await withdraw(host, image, pool.size);
    const ready = await readySpares(roots, image);
    for (let count = ready.length; count < pool.size; count += 1) await addSpare(host, image, pool, options);
  }
  return listSpares(host);
}

async function addSpare(host: HostContext, image: string, pool: SparePool, options: CreateOptions): Promise<void> {
  const name = generateName(randomInt);
  await createThen(host, { ...pool.options, name }, { ...options, spareOf: image }, async () => {
    await launchLocked(host, name, { signal: options.signal, hold: true });
  });
  await addReadySpare(host.roots, image, name);
}

async function withdraw(host: HostContext, image: string, keep: number): Promise<void> {
  for (const zone of (await readySpares(host.roots, image)).slice(keep)) {
    if (await withdrawTicket(host.roots, image, zone)) await discard(host, zone);
  }
}

/** Tickets of zones that are no longer prepared, and spares without a ticket: of a killed command, or from before a reboot. */
async function dropStale(host: HostContext, pools: Readonly<Record<string, SparePool>>): Promise<void> {
  const { roots } = host;
  const ready = new Set<string>();
  for (const image of Object.keys(pools)) {
    for (const zone of await readySpares(roots, image)) {
      if ((await readPrepared(roots, zone)) !== undefined) ready.add(zone);
      else await withdrawTicket(roots, image, zone);
    }
  }
  const claimed = new Set(await claimedSpares(roots));
  const { records } = await scanZones(roots);
  for (const { spec, spareOf } of records) {
    if (spareOf === undefined || ready.has(spec.name) || claimed.has(spec.name)) continue;
    if ((await readRunning(roots, spec.name)) === undefined) await discard(host, spec.name);
  }
}

async function discard(host: HostContext, zone: string): Promise<void> {
  await using _lock = await lockZone(host, zone);
  if ((await findZone(host.roots, zone)) !== undefined) await discardZone(host, zone);
}

/** An ordinary zone from now on, also after a reboot. */
async function adopt(host: HostContext, zone: string): Promise<void> {
  await using _lock = await lockZone(host, zone);
  const record = await findZone(host.roots, zone);
  if (record?.spareOf !== undefined) {
    const { spareOf: _, ...ordinary } = record;
    await writeZone(host.roots, ordinary);
  }
  await dropClaim(host.roots, zone);
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
  const pool = (await readSparePools(host.roots))[image];
  if (pool === undefined) throw noPool(image);
  for (const zone of await readySpares(host.roots, image)) {
    if (!(await claimTicket(host.roots, image, zone))) continue;
    const started = await startZone(host, zone, { signal: options.signal });
    await adopt(host, zone);
    return { ...started, wasSpare: true };
  }
  return { ...(await runDetached(host, pool.options, options)), wasSpare: false };
}

function noPool(image: string): Error {
  return zoneError('SPARE_NOT_FOUND', `no spares are kept of image "${image}"`, {
    hint: `Run "tszone spare set ${image} --size 2" first, or "tszone run -d ${image}".`,
    context: { image },
  });
}
