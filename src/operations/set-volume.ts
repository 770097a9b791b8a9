/** What `set` changes of a zone's volume: its bounds, also while it runs; and, of a stopped zone, its pool. Both are for good. */
import { zoneError } from '../errors/index.js';
import type { ZoneSpec } from '../spec/index.js';
import {
  defaultPoolName,
  dropJournal,
  type Journal,
  readRunning,
  type SnapshotRecord,
  type StateOp,
  type ZoneRecord,
} from '../state/index.js';
import type { StorageOp, VolumeLimits } from '../storage/index.js';
import { settleIdentity } from './due-identity.js';
import type { HostContext } from './host-context.js';
import { planLayersMove } from './move-layers.js';
import { settleZone } from './settle-zone.js';
import { unmountViews } from './snapshot-mount.js';
import { runTransaction } from './transaction.js';
import { zoneRunningError } from './zone-ref.js';
import { newStorage, requireBounds, volumeLimits, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface VolumeChangePlan {
  /** With what has been saved of it by then. */
  readonly record: ZoneRecord;
  /** Taken back if one fails. */
  readonly make: readonly StorageOp[];
  /** Snapshots that move along: nobody may look into them meanwhile. */
  readonly moved?: readonly SnapshotRecord[];
  /** Completed once it has begun. */
  readonly finish: readonly (StateOp | StorageOp)[];
}

const volumeKeys = ['disk', 'inodes', 'pool'] as const;

/** `undefined`: nothing of it changes. @throws POOL_NOT_FOUND, POOL_CANNOT, ZONE_RUNNING, ZONE_STATE, SPEC_INVALID */
export async function planVolumeChange(
  host: HostContext,
  record: ZoneRecord,
  spec: ZoneSpec,
  scope: 'both' | 'live' | 'saved',
): Promise<VolumeChangePlan | undefined> {
  const changed = volumeKeys.filter((key) => record.spec[key] !== spec[key]);
  if (changed.length === 0) return undefined;
  if (scope !== 'both') throw notNow(spec.name, changed);
  const after = { ...record, spec: { ...record.spec, disk: spec.disk, inodes: spec.inodes, pool: spec.pool } };
  const wanted = spec.pool ?? defaultPoolName;
  if (wanted === (record.storage?.pool ?? defaultPoolName)) return planBounds(host, record, after);
  return planMove(host, record, { ...after, storage: newStorage(wanted).storage });
}

async function planBounds(host: HostContext, record: ZoneRecord, after: ZoneRecord): Promise<VolumeChangePlan> {
  const { pool, driver, volume } = await volumeOf(host.roots, record);
  const [limits, previous] = [volumeLimits(after.spec), volumeLimits(record.spec)];
  const isSame = limits.diskBytes === previous.diskBytes && limits.inodes === previous.inodes;
  if (!isSame) {
    await requireBounds(host.roots, pool, limits);
    await driver.checkResize(pool, volume, { limits, previous });
  }
  const resize: StorageOp[] = isSame ? [] : [{ op: 'storage.resize', pool, volume, limits }];
  return { record: after, make: [], finish: [...resize, { op: 'state.zone-save', roots: host.roots, record: after }] };
}

/**
 * A new volume, a copy of what is in the old one, over copies of the layers below that; with the record that names them the zone has moved, its
 * snapshots too, and the old ones go.
 */
async function planMove({ roots }: HostContext, record: ZoneRecord, after: ZoneRecord): Promise<VolumeChangePlan> {
  const { name } = record.spec;
  if ((await readRunning(roots, name)) !== undefined) throw zoneRunningError(name);
  const [from, to] = [await volumeOf(roots, record), await volumeOf(roots, after)];
  const limits = volumeLimits(after.spec);
  await requireBounds(roots, to.pool, limits, (other) => `${unboundHint(limits)}, or choose --pool ${other}.`);
  const { make, chain, snapshots, rename, sweep } = await planLayersMove(roots, name, from, to);
  const storage = { pool: to.pool.name, volume: after.storage?.volume ?? '', layers: chain };
  const there = { ...after, identityDue: undefined, ...(chain.length === 0 ? {} : { storage }) };
  return {
    record: there,
    moved: snapshots,
    make: [
      ...make,
      { op: 'storage.create', ...placeOf(to), from: [], ...volumeLimits(after.spec) },
      { op: 'storage.copy', from: placeOf(from), to: placeOf(to) },
    ],
    finish: [
      ...rename,
      { op: 'state.zone-save', roots, record: there },
      { op: 'storage.remove', ...placeOf(from) },
      ...sweep,
    ],
  };
}

/** Its bounds may come from where it lies now. */
function unboundHint({ diskBytes, inodes }: VolumeLimits): string {
  const flags = [
    diskBytes === undefined ? [] : ['--disk unlimited'],
    inodes === undefined ? [] : ['--inodes unlimited'],
  ];
  return `Pass ${flags.flat().join(' ')}, too`;
}

const placeOf = ({ pool, volume }: ZoneVolume) => ({ pool, volume });

/** Call with the zone's lock held. @returns the record as it is by then */
export async function changeVolume(
  host: HostContext,
  record: ZoneRecord,
  plan: VolumeChangePlan | undefined,
  signal: AbortSignal | undefined,
): Promise<ZoneRecord> {
  if (plan === undefined) return record;
  const { roots } = host;
  const zone = record.spec.name;
  const kind = { operation: 'set', zone, completeIfRunning: false, place: 'disk' } as const;
  const finish = async () => {
    const journal: Omit<Journal, 'version'> = { ...kind, recovery: 'forward', ops: plan.finish };
    try {
      await runTransaction({ ...journal, roots }, async () => {});
    } catch (error) {
      // It could not be done: that is said now, and not tried again by every command to come.
      await dropJournal(roots, journal);
      throw error;
    }
  };
  if (plan.make.length === 0) await finish();
  else {
    // A prepared zone has its volume open.
    if (!(await settleZone(roots, zone))) throw zoneRunningError(zone);
    await settleIdentity(host, record);
    for (const snapshot of plan.moved ?? []) await unmountViews(roots, zone, snapshot);
    await runTransaction({ ...kind, recovery: 'back', roots, ops: plan.make, signal }, finish);
  }
  return plan.record;
}

function notNow(name: string, keys: readonly string[]): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `${keys.join(', ')} of zone "${name}" change now and for good`, {
    hint: 'Leave out --live and --next-boot.',
    context: { zone: name, keys },
  });
}
