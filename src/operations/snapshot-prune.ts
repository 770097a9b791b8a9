/** Snapshots whose time is over, and layers that nothing is made of. */
import { keptBy, type ZoneSpec } from '../spec/index.js';
import {
  findZone,
  journaledZones,
  type Roots,
  readJournals,
  readSnapshots,
  readZone,
  type SnapshotRecord,
  zoneNames,
} from '../state/index.js';
import { driverOf, makesLayers, type Pool, sweepLayers } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { removeSnapshots } from './snapshot-delete.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { allPools } from './zone-storage.js';

export interface Pruned {
  /** `web@20261128-025320`. */
  readonly snapshots: readonly string[];
  /** Layers that a killed command left, or a zone whose record could not be read. */
  readonly layers: readonly string[];
}

/** Of one zone, or of all and then also layers without a name. @throws ZONE_NOT_FOUND */
export async function pruneSnapshots(
  host: HostContext,
  zone?: string,
  options: OperationOptions = {},
): Promise<Pruned> {
  const { roots } = host;
  if (zone !== undefined) await readZone(roots, zone);
  const snapshots: string[] = [];
  for (const name of zone === undefined ? await zoneNames(roots) : [zone]) {
    await using _lock = await lockZone(host, name, options);
    const expired = (await findZone(roots, name)) === undefined ? [] : await removeExpired(host, name);
    snapshots.push(...expired.map((snapshot) => `${name}@${snapshot}`));
  }
  return { snapshots, layers: zone === undefined ? await removeUnnamed(roots) : [] };
}

/**
 * Call with the zone's lock held.
 *
 * @param made a snapshot that stays, whatever the clock has done since the others
 * @returns names
 */
export async function removeExpired({ roots }: HostContext, zone: string, made?: string): Promise<string[]> {
  const { spec } = await readZone(roots, zone);
  const found = expiredOf(await readSnapshots(roots, zone), spec, Date.now());
  const expired = found.filter(({ name }) => name !== made);
  await removeSnapshots(roots, zone, expired);
  return expired.map(({ name }) => name);
}

/** Those with a time of their own, and, of those that nobody has thought of a name for, what the zone's policy does not keep. Pure. */
export function expiredOf(
  records: readonly SnapshotRecord[],
  { snapshotKeep }: Pick<ZoneSpec, 'snapshotKeep'>,
  nowMs: number,
): SnapshotRecord[] {
  const isLeftToPolicy = ({ isNamed, expiresAtMs }: SnapshotRecord) => !isNamed && expiresAtMs === undefined;
  const automatic = records.filter(isLeftToPolicy);
  const kept = snapshotKeep === undefined ? new Set(automatic) : keptBy(snapshotKeep, automatic);
  return records.filter((one) =>
    isLeftToPolicy(one) ? !kept.has(one) : one.expiresAtMs !== undefined && one.expiresAtMs <= nowMs,
  );
}

async function removeUnnamed(roots: Roots): Promise<string[]> {
  const removed: string[] = [];
  for (const { pool, layers } of await unusedLayers(roots)) removed.push(...(await sweepLayers(roots, pool, layers)));
  return removed;
}

/**
 * Of which nobody makes anything now; something may be made of them. Looked for before the journals are read: a layer is in a journal before it
 * is there, and until something names it.
 */
export async function unusedLayers(
  roots: Roots,
): Promise<{ readonly pool: Pool; readonly layers: readonly string[] }[]> {
  const found: { readonly pool: Pool; readonly layers: readonly string[] }[] = [];
  for (const pool of await allPools(roots)) {
    const driver = driverOf(pool);
    if (!makesLayers(driver)) continue;
    const layers = await driver.listLayers(pool);
    const inWork = await layersInJournals(roots);
    found.push({ pool, layers: layers.filter((layer) => !inWork.has(layer)) });
  }
  return found;
}

async function layersInJournals(roots: Roots): Promise<Set<string>> {
  const found = new Set<string>();
  for (const zone of await journaledZones(roots)) {
    for (const { ops } of await readJournals(roots, zone)) {
      for (const op of ops) if ('layer' in op && typeof op.layer === 'string') found.add(op.layer);
    }
  }
  return found;
}
