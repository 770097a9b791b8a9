/** `snapshot create`: what a zone is now, kept. */
import { randomBytes } from 'node:crypto';
import { zoneError } from '../errors/index.js';
import { rm } from '../host/quick-fs.js';
import { isSnapshotName } from '../spec/index.js';
import {
  extrasOf,
  findSnapshot,
  type Roots,
  readZone,
  type SnapshotRecord,
  writeSnapshot,
  type ZoneRecord,
} from '../state/index.js';
import { boundary } from './boundaries.js';
import { type FrozenZone, hasLocal, withFrozen } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import { type BehindOptions, thenMerge } from './merge-behind.js';
import { removeExpired } from './snapshot-prune.js';
import { describeSnapshot, type SnapshotView } from './snapshot-view.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

export interface SnapshotInput {
  /** Made of the time if not given. */
  readonly name?: string | undefined;
  readonly comment?: string | undefined;
  /** It goes by itself after so long. */
  readonly keepMs?: number | undefined;
}

export interface SnapshotResult extends SnapshotView {
  /** Those that had expired, and are gone now. */
  readonly expired: readonly string[];
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/**
 * Of a stopped zone by a rename. A running one is copied, and stands still only while what was written meanwhile is.
 *
 * @throws ZONE_NOT_FOUND, SNAPSHOT_EXISTS, ZONE_STATE a throw-away zone, RESOURCE_DISK_FULL
 */
export async function createSnapshot(
  host: HostContext,
  zone: string,
  input: SnapshotInput = {},
  options: BehindOptions = {},
): Promise<SnapshotResult> {
  requireName(input.name);
  const lock = await lockZone(host, zone, options);
  return thenMerge({ roots: host.roots, zone, lock, options }, () => createLocked(host, zone, input, options));
}

async function createLocked(
  host: HostContext,
  zone: string,
  input: SnapshotInput,
  options: OperationOptions,
): Promise<SnapshotResult> {
  const record = await readZone(host.roots, zone);
  const name = await checkNewSnapshot(host, record, input.name);
  const id = randomBytes(8).toString('hex');
  const extras = extrasOf(host.roots, zone, { id });
  const localTo = hasLocal(record) ? { directory: extras, name: 'local' } : undefined;
  try {
    const made = await withFrozen(host, record, { signal: options.signal, localTo }, async (frozen) => {
      const snapshot = snapshotOf(frozen, { ...input, id, name, hasLocal: localTo !== undefined });
      await writeSnapshot(host.roots, zone, snapshot);
      boundary('snapshot', zone, 'record');
      return snapshot;
    });
    const expired = await removeExpired(host, zone, name);
    return { ...describeSnapshot(zone, made), expired, notes: [] };
  } catch (error) {
    if ((await findSnapshot(host.roots, zone, name)) === undefined) await rm(extras, { recursive: true, force: true });
    throw error;
  }
}

/** @returns its name @throws SNAPSHOT_EXISTS, ZONE_STATE, USAGE_BAD_ARGUMENT */
export async function checkNewSnapshot(
  { roots }: HostContext,
  record: ZoneRecord,
  asked: string | undefined,
): Promise<string> {
  requireName(asked);
  const name = asked ?? (await freeName(roots, record.spec.name));
  await refuse(roots, record, name);
  return name;
}

interface Named extends SnapshotInput {
  readonly id: string;
  readonly name: string;
  readonly hasLocal: boolean;
}

function snapshotOf(frozen: FrozenZone, { id, name, comment, keepMs, hasLocal: local }: Named): SnapshotRecord {
  const { record, pool, layers, isCopy, wasRunning, copiedBytes, frozenMs } = frozen;
  const createdAtMs = Date.now();
  return {
    version: 1,
    id,
    name,
    isNamed: !generatedName.test(name),
    ...(comment === undefined ? {} : { comment }),
    createdAtMs,
    ...(keepMs === undefined ? {} : { expiresAtMs: createdAtMs + keepMs }),
    pool,
    layers,
    isCopy,
    hasLocal: local,
    spec: record.spec,
    image: record.image,
    machineId: record.machineId,
    wasRunning,
    ...(frozenMs === undefined ? {} : { frozenMs }),
    copiedBytes,
  };
}

/** `20261128-025320`, in UTC. */
const generatedName = /^\d{8}-\d{6}(-\d+)?$/;

async function freeName(roots: Roots, zone: string): Promise<string> {
  const base = new Date()
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-');
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}-${count}`;
    if ((await findSnapshot(roots, zone, name)) === undefined) return name;
  }
}

function requireName(name: string | undefined): void {
  if (name === undefined || isSnapshotName(name)) return;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${name}" is not the name of a snapshot`, {
    hint: 'It starts with a letter or digit, then a-z 0-9 _ . -, at most 63: ZONE@before-upgrade.',
    context: { name },
  });
}

async function refuse(roots: Roots, { spec }: ZoneRecord, name: string): Promise<void> {
  const zone = spec.name;
  if (spec.ephemeral) {
    throw zoneError('ZONE_STATE', `zone "${zone}" is deleted when it ends, and its snapshots would go with it`, {
      hint: `Run "tszone clone ${zone} NAME" to keep what it is.`,
      context: { zone },
    });
  }
  if ((await findSnapshot(roots, zone, name)) === undefined) return;
  throw zoneError('SNAPSHOT_EXISTS', `zone "${zone}" has a snapshot "${name}" already`, {
    hint: `Choose another name, or run "tszone snapshot delete ${zone}@${name}" first.`,
    context: { zone, snapshot: name },
  });
}
