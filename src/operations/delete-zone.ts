/** `delete`: the zone and everything that is its own. */
import { removeSharedGroups, thawZone } from '../cgroups/index.js';
import { hasCode, zoneError } from '../errors/index.js';
import { type HostOpBase, nearest, type ZoneSpec } from '../spec/index.js';
import {
  findZone,
  hasJournal,
  type Journal,
  mountsBelow,
  type Roots,
  readSnapshots,
  type SnapshotRecord,
  type StateOp,
  snapshotNames,
  withReserve,
  type ZoneRecord,
  zoneNames,
  zonePaths,
} from '../state/index.js';
import type { StorageOp } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { killPid1, settledRunning } from './running-state.js';
import { settleZone } from './settle-zone.js';
import { planSweep } from './snapshot-delete.js';
import { unmountViews } from './snapshot-mount.js';
import { stopLocked } from './stop-zone.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { groupsOf, zoneRunningError } from './zone-ref.js';
import { isPlain, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface DeleteOptions extends OperationOptions {
  /** Stop it first if it runs. */
  readonly force?: boolean;
}

export interface DeleteResult {
  readonly name: string;
  /** false: there was no such zone. */
  readonly deleted: boolean;
  /** Then: the zone that may have been meant. */
  readonly nearest?: string;
}

/** What is not there is success. @throws ZONE_RUNNING without force, ZONE_PROTECTED, LOCK_BUSY */
export async function deleteZone(host: HostContext, name: string, options: DeleteOptions = {}): Promise<DeleteResult> {
  const { roots } = host;
  await using _lock = await lockZone(host, name, options);
  const record = await findForDelete(roots, name, options);
  if (record === undefined) {
    const near = await nearestZone(roots, name);
    return { name, deleted: false, ...(near === undefined ? {} : { nearest: near }) };
  }
  if (record === 'corrupt') {
    await discardZone(host, name);
    return { name, deleted: true };
  }
  await requireDeletable(roots, record, options);
  await stopIfForced(host, record, options);
  await deleteLocked(host, name);
  return { name, deleted: true };
}

export const nearestZone = async (roots: Roots, name: string): Promise<string | undefined> =>
  nearest(name, await zoneNames(roots));

export const missingNote = (name: string, near: string | undefined): string =>
  `there is no zone "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`;

/** @throws ZONE_PROTECTED; ZONE_HAS_SNAPSHOTS without force */
export async function requireDeletable(roots: Roots, record: ZoneRecord, options: DeleteOptions): Promise<void> {
  const { name, protect } = record.spec;
  if (protect.includes('delete')) throw protectedError(name);
  await refuseSnapshots(roots, record, options);
}

/** With force, also a zone whose record cannot be read. */
export async function findForDelete(
  roots: Roots,
  name: string,
  { force }: DeleteOptions,
): Promise<ZoneRecord | 'corrupt' | undefined> {
  try {
    return await findZone(roots, name);
  } catch (error) {
    if (force === true && hasCode(error, 'STATE_CORRUPT')) return 'corrupt';
    throw error;
  }
}

/** Call with the lock of a zone that is stopped; ZONE_RUNNING if it is not. Killed on the way, the next command finishes it. */
export async function deleteLocked(host: HostContext, name: string): Promise<void> {
  const { roots, facts } = host;
  if (!(await settleZone(roots, name))) throw zoneRunningError(name);
  await refuseMounted(roots, name);
  for (const snapshot of await snapshotsOf(roots, name)) await unmountViews(roots, name, snapshot);
  const journal = await journalOf(roots, name);
  await withReserve(roots, () => runTransaction({ ...journal, roots }, async () => {}));
  await removeSharedGroups(facts.cgroup, roots.instance);
}

/** All that goes with the zone, but for its processes and what its start prepared. */
export const planWholeDelete = async (roots: Roots, name: string): Promise<readonly HostOpBase[]> =>
  (await journalOf(roots, name)).ops;

async function journalOf(roots: Roots, name: string): Promise<Journal> {
  const ephemeral = await hasJournal(roots, name, 'life');
  return deleteJournal(roots, await whatIsLeft(roots, { name, ephemeral }), false);
}

/** Before the record goes: what somebody mounted in the zone's directory is not ours to unmount, nor to empty. */
export async function refuseMounted(roots: Roots, name: string): Promise<void> {
  const [mount] = await mountsBelow(zonePaths(roots, name).directory);
  if (mount === undefined) return;
  throw zoneError('ZONE_STATE', `"${mount}", in the directory of zone "${name}", is a mount point`, {
    hint: `Run "umount ${mount}" first.`,
    context: { zone: name, path: mount },
  });
}

/** A zone that is to be as if it had never been: killed if it runs, and deleted. Call with the zone's lock held. */
export async function discardZone(host: HostContext, name: string): Promise<void> {
  if (await settledRunning(host.roots, name)) {
    await thawZone(groupsOf(host, name));
    await killPid1(host.roots, name);
  }
  await deleteLocked(host, name);
}

/** Layers of what is named here may be nobody's when the zone is gone. */
type Deleted = Pick<ZoneRecord, 'storage'> & {
  readonly spec: Pick<ZoneSpec, 'name' | 'ephemeral' | 'disk' | 'inodes'>;
};

/** Of one whose record cannot be read not more than its name is known: `snapshot prune` finds the rest. */
async function whatIsLeft(roots: Roots, spec: Deleted['spec']): Promise<Deleted> {
  const record = await findZone(roots, spec.name).catch(() => undefined);
  return { spec: { ...spec, disk: record?.spec.disk, inodes: record?.spec.inodes }, storage: record?.storage };
}

async function refuseSnapshots(roots: Roots, { spec }: ZoneRecord, { force }: DeleteOptions): Promise<void> {
  if (force === true) return;
  const { name } = spec;
  const snapshots = await snapshotNames(roots, name);
  if (snapshots.length === 0) return;
  const what = snapshots.length === 1 ? 'a snapshot that would be' : `${snapshots.length} snapshots that would be`;
  throw zoneError(
    'ZONE_HAS_SNAPSHOTS',
    `zone "${name}" has ${what} lost with it: ${snapshots.slice(0, 5).join(', ')}`,
    {
      hint: `Run "tszone delete --force ${name}" to delete all of it, or "tszone snapshot delete ${name}@${snapshots[0]}" first.`,
      context: { zone: name, snapshots },
    },
  );
}

/** What is to be done, as it is journaled; for an ephemeral zone from its first day on. */
export async function deleteJournal(
  roots: Roots,
  { spec, storage }: Deleted,
  keepWhileRunning: boolean,
): Promise<Journal> {
  const { name, ephemeral } = spec;
  const volume = await knownVolume(roots, { spec, storage });
  const makers = [...(storage === undefined ? [] : [storage]), ...(await snapshotsOf(roots, name))];
  const sweep = await planSweep(roots, makers);
  const kind = { operation: 'delete', recovery: 'forward', completeIfRunning: false } as const;
  const place = ephemeral ? 'life' : 'disk';
  return {
    version: 1,
    ...kind,
    place,
    zone: name,
    keepWhileRunning,
    ops: [...planDelete(roots, name, volume), ...sweep],
  };
}

async function snapshotsOf(roots: Roots, name: string): Promise<readonly SnapshotRecord[]> {
  return readSnapshots(roots, name).catch((error: unknown) => {
    if (hasCode(error, 'STATE_CORRUPT', 'STATE_TOO_NEW')) return [];
    throw error;
  });
}

/** The record goes first: from then on there is no zone, only remains. */
export function planDelete(roots: Roots, name: string, place: ZoneVolume | undefined): (StateOp | StorageOp)[] {
  const paths = zonePaths(roots, name);
  return [
    { op: 'state.remove', path: paths.record },
    ...planVolumeRemoval(place),
    { op: 'state.remove', path: paths.run },
    { op: 'state.remove', path: paths.directory },
    { op: 'state.addresses-release', roots, zone: name },
    { op: 'state.ids-release', roots, zone: name },
  ];
}

/** Of a zone whose record cannot be read it is not known; nor is there one in the zone's own directory. */
function planVolumeRemoval(place: ZoneVolume | undefined): StorageOp[] {
  if (place === undefined || isPlain(place)) return [];
  return [{ op: 'storage.remove', pool: place.pool, volume: place.volume }];
}

/** `undefined`: its pool is not there. */
async function knownVolume(roots: Roots, record: Deleted): Promise<ZoneVolume | undefined> {
  return volumeOf(roots, record).catch((error: unknown) => {
    if (!hasCode(error, 'POOL_NOT_FOUND')) throw error;
    return undefined;
  });
}

async function stopIfForced(host: HostContext, record: ZoneRecord, options: DeleteOptions): Promise<void> {
  const { name } = record.spec;
  if (!(await settledRunning(host.roots, name))) return;
  refuseRunning(name, options);
  const { cleaned } = await stopLocked(host, record, { ...options, force: true });
  await cleaned;
}

/** Of one that runs. @throws ZONE_RUNNING without force */
export function refuseRunning(name: string, { force }: DeleteOptions): void {
  if (force !== true) throw zoneRunningError(name, `Run "tszone stop ${name}" first, or pass --force.`);
}

function protectedError(name: string): Error {
  return zoneError('ZONE_PROTECTED', `zone "${name}" is protected against delete`, {
    hint: `Run "tszone unset ${name} protect" first.`,
    context: { zone: name },
  });
}
