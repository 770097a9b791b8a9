/** `snapshot restore`: the zone is what it was, settings included. */
import { randomBytes } from 'node:crypto';
import { zoneError } from '../errors/index.js';
import { rm } from '../host/quick-fs.js';
import {
  extrasOf,
  type Roots,
  readRunning,
  readSnapshot,
  readZone,
  type SnapshotRecord,
  type StateOp,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { copyTree, type StorageOp } from '../storage/index.js';
import { hasLocal, type Move, moveIntoLayer, newLayerId, planMove } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { planSweep } from './snapshot-delete.js';
import { launchLocked } from './start-zone.js';
import { stopLocked } from './stop-zone.js';
import { runInTwo, type Underway, untilSaid } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';
import { requireBounds, volumeLimits, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface RestoreOptions extends OperationOptions {
  /** A zone that runs is stopped, restored and started again. */
  readonly force?: boolean;
}

export interface RestoreResult {
  readonly zone: string;
  readonly snapshot: string;
  /** It was stopped for it, and runs again. */
  readonly restarted: boolean;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/** What a restore returns when the zone is what it was. */
export interface Restored {
  readonly result: RestoreResult;
  /** What it had written since is gone, too. Fails as that does; the next command on the zone tries again. */
  readonly removed: Promise<void>;
}

/**
 * What was written since is gone, snapshots of it stay, newer ones too. A kill in between leaves the zone as it was or as it was to be.
 *
 * @throws SNAPSHOT_NOT_FOUND, ZONE_RUNNING without force, ZONE_STATE it is in another pool by now, POOL_CANNOT one that cannot bound it as it was then,
 * RESOURCE_DISK_FULL
 */
export async function restoreSnapshot(
  host: HostContext,
  ref: SnapshotRef,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const { result, removed } = await returnToSnapshot(host, ref, options);
  await removed;
  return result;
}

/** The same; who wants to use the zone before all is removed waits for its lock. @throws as restoreSnapshot */
export async function returnToSnapshot(
  host: HostContext,
  ref: SnapshotRef,
  options: RestoreOptions = {},
): Promise<Restored> {
  const lock = await lockZone(host, ref.zone, options);
  try {
    const { result, removed } = await restoreLocked(host, ref, options);
    const released = removed.finally(() => lock.release());
    // It may be asked for later than it fails.
    released.catch(() => {});
    return { result, removed: released };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface SnapshotRef {
  readonly zone: string;
  readonly snapshot: string;
}

async function restoreLocked(
  host: HostContext,
  { zone, snapshot }: SnapshotRef,
  options: RestoreOptions,
): Promise<Restored> {
  const record = await readZone(host.roots, zone);
  const { place, wanted, runs } = await requireRestorable(host, record, snapshot, options.force === true);
  // What its start had prepared has to be taken back: it starts again, from another volume.
  if (runs) await (await stopLocked(host, record, options)).cleaned;
  if (!(await settleZone(host.roots, zone))) throw zoneRunningError(zone, 'Repeat the command.');
  const { rest } = await restoreStopped(host, record, place, wanted);
  const answer = { zone, snapshot, restarted: runs, notes: [] };
  if (!runs) return { result: answer, removed: rest };
  // Its start writes a journal in the same place.
  await rest;
  const { notes } = await launchLocked(host, zone, { signal: options.signal, detach: true });
  return { result: { ...answer, notes }, removed: rest };
}

export interface Restorable {
  readonly place: ZoneVolume;
  readonly wanted: SnapshotRecord;
  readonly runs: boolean;
}

/** @throws SNAPSHOT_NOT_FOUND, ZONE_RUNNING, ZONE_STATE, POOL_CANNOT */
export async function requireRestorable(
  { roots }: HostContext,
  record: ZoneRecord,
  snapshot: string,
  force: boolean,
): Promise<Restorable> {
  const zone = record.spec.name;
  const wanted = await readSnapshot(roots, zone, snapshot);
  const place = await volumeOf(roots, record);
  refuseOtherPool(place, wanted);
  // It could be moved after its bounds were taken away.
  await requireBounds(
    roots,
    place.pool,
    volumeLimits(wanted.spec),
    (other) => `Run "tszone set ${zone} --pool ${other}" first.`,
  );
  const runs = (await readRunning(roots, zone)) !== undefined;
  if (!runs || force) return { place, wanted, runs };
  const hint = `Run "tszone stop ${zone}" first, or pass --force to stop it, restore and start it again.`;
  throw zoneRunningError(zone, hint);
}

/** For `--dry-run`: what it would be, without what is made on the way (a sparse zone's /usr/local is copied aside). */
export async function planRestore(
  roots: Roots,
  record: ZoneRecord,
  place: ZoneVolume,
  { layers, ...wanted }: SnapshotRecord,
): Promise<(StateOp | StorageOp)[]> {
  const { pool, driver, volume } = place;
  if (driver.freezes !== 'instant') {
    const move = await planDiscard(roots, place, { ...wanted, layers }, []);
    return [...planMove(roots, record, move), ...(move.last ?? [])];
  }
  const fresh = randomBytes(8).toString('hex');
  return [
    { op: 'storage.create', pool, volume: fresh, from: layers, ...volumeLimits(wanted.spec) },
    { op: 'storage.remove', pool, volume, isSoon: true },
    ...(await planSweep(roots, [{ pool: pool.name, layers: place.layers }])),
  ];
}

function refuseOtherPool({ pool }: ZoneVolume, { spec, name, pool: other }: SnapshotRecord): void {
  if (pool.name === other) return;
  const zone = spec.name;
  throw zoneError('ZONE_STATE', `snapshot "${zone}@${name}" lies in pool "${other}", the zone in "${pool.name}"`, {
    hint: `Run "tszone set ${zone} --pool ${other}" first, or "tszone clone ${zone}@${name} NAME".`,
    context: { zone, snapshot: name, pool: pool.name, snapshotPool: other },
  });
}

async function restoreStopped(
  { roots }: HostContext,
  record: ZoneRecord,
  place: ZoneVolume,
  wanted: SnapshotRecord,
): Promise<Underway> {
  const { spec, image, machineId, layers } = wanted;
  const local = await prepareLocal(roots, record, wanted);
  const like = { spec, image, machineId };
  if (place.driver.freezes === 'instant') return replaceVolume(roots, record, { place, layers, like, local });
  return moveIntoLayer(roots, record, await planDiscard(roots, place, wanted, local));
}

/** What is there is put aside in one step, and removed when the zone is made of something else. */
async function planDiscard(
  roots: Roots,
  place: ZoneVolume,
  { spec, image, machineId, layers }: SnapshotRecord,
  local: readonly StateOp[],
): Promise<Move> {
  const layer = newLayerId();
  const last = await planSweep(roots, [{ pool: place.pool.name, layers: [layer, ...place.layers] }]);
  const more = [...local, ...planBounds(place, spec)];
  return { place, layer, layers, like: { spec, image, machineId }, more, last };
}

/** What the zone was bound to then. */
function planBounds({ pool, volume, limits: now }: ZoneVolume, spec: SnapshotRecord['spec']): StorageOp[] {
  const limits = volumeLimits(spec);
  if (limits.diskBytes === now.diskBytes && limits.inodes === now.inodes) return [];
  return [{ op: 'storage.resize', pool, volume, limits }];
}

/** Aside first, since it has to be copied; what brings it into place is a rename. */
async function prepareLocal(roots: Roots, record: ZoneRecord, wanted: SnapshotRecord): Promise<StateOp[]> {
  if (!wanted.hasLocal || !hasLocal(record)) return [];
  const { directory, local } = zonePaths(roots, record.spec.name);
  const aside = `${directory}/restoring`;
  await rm(aside, { recursive: true, force: true });
  const from = `${extrasOf(roots, record.spec.name, wanted)}/local/tree`;
  await copyTree({ from, layers: directory, layer: 'restoring' }, (last) => last());
  return [
    { op: 'state.replace', path: local, by: `${aside}/tree` },
    { op: 'state.remove', path: aside },
  ];
}

interface Replacement {
  readonly place: ZoneVolume;
  readonly layers: readonly string[];
  readonly like: Pick<ZoneRecord, 'spec' | 'image' | 'machineId'>;
  readonly local: readonly StateOp[];
}

/** Where a volume is made of layers in one step: a new one takes the place of the old. */
function replaceVolume(
  roots: Roots,
  record: ZoneRecord,
  { place, layers, like, local }: Replacement,
): Promise<Underway> {
  const zone = record.spec.name;
  const { pool } = place;
  const volume = randomBytes(8).toString('hex');
  const kind = { operation: 'restore', zone, completeIfRunning: false, place: 'disk', roots } as const;
  const storage = { pool: pool.name, volume, layers: place.driver.layersBelow(layers) };
  return untilSaid((say) =>
    runInTwo({
      ...kind,
      back: [{ op: 'storage.create', pool, volume, from: layers, ...volumeLimits(like.spec) }],
      forward: async () => [{ op: 'state.zone-storage', roots, zone, like, storage }, ...local],
      say,
      last: async () => [
        { op: 'storage.remove', pool, volume: place.volume, isSoon: true },
        ...(await planSweep(roots, [{ pool: pool.name, layers: place.layers }])),
      ],
    }),
  );
}
