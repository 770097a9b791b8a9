/** Which frozen layers something is made of, and the end of those of which nothing is any more. */
import { hasCode } from '../errors/index.js';
import { acquireLock, type Lock, type Roots, readSnapshots, scanZones, zoneNames } from '../state/index.js';
import type { Pool } from './driver.js';
import { layerDriverOf } from './drivers.js';

/** Held by who looks for layers without a name, and by who names one that had none of the zone's before. */
export async function lockLayers({ root }: Roots, signal?: AbortSignal): Promise<Lock> {
  return acquireLock(`${root}/layers.lock`, { what: 'the list of frozen layers', inTurn: true, signal });
}

/**
 * Of all zones and snapshots; undefined: a record cannot be read, so nobody knows. Call with the layers locked.
 *
 * Only a rename can hide a zone from a look at all of them, and it changes the list of names.
 */
export function namedLayers(roots: Roots): Promise<ReadonlySet<string> | undefined> {
  return lookAtStill(roots, (zones) => lookAtAll(roots, zones));
}

/** Again, until no zone came or went meanwhile. */
async function lookAtStill<T>(roots: Roots, look: (zones: readonly string[]) => Promise<T>): Promise<T> {
  for (;;) {
    const before = await zoneNames(roots);
    const seen = await look(before);
    if ((await zoneNames(roots)).join('/') === before.join('/')) return seen;
  }
}

async function lookAtAll(roots: Roots, zones: readonly string[]): Promise<ReadonlySet<string> | undefined> {
  const { records, unreadable } = await scanZones(roots);
  if (unreadable.length > 0) return undefined;
  const named = new Set(records.flatMap(({ storage }) => storage?.layers ?? []));
  try {
    for (const zone of zones)
      for (const { layers } of await readSnapshots(roots, zone)) for (const layer of layers) named.add(layer);
  } catch (error) {
    if (!hasCode(error, 'STATE_CORRUPT', 'STATE_TOO_NEW')) throw error;
    return undefined;
  }
  return named;
}

/** Removes those of the layers that nothing names. Where nobody knows, nothing is removed: `snapshot prune` does it later. */
export async function sweepLayers(roots: Roots, pool: Pool, layers: readonly string[]): Promise<string[]> {
  if (layers.length === 0) return [];
  await using _lock = await lockLayers(roots);
  const named = await namedLayers(roots);
  if (named === undefined) return [];
  const unnamed = [...new Set(layers)].filter((layer) => !named.has(layer));
  for (const layer of unnamed) await layerDriverOf(pool).removeLayer(pool, layer);
  return unnamed;
}

/** Removes a volume that no zone has. @throws STATE_CORRUPT, STATE_TOO_NEW of a record: nobody would look for it later */
export async function sweepVolume(roots: Roots, pool: Pool, volume: string): Promise<void> {
  await using _lock = await lockLayers(roots);
  const { records, unreadable } = await lookAtStill(roots, () => scanZones(roots));
  if (records.some(({ storage }) => storage?.volume === volume)) return;
  for (const { error } of unreadable) throw error;
  await layerDriverOf(pool).remove(pool, volume);
}
