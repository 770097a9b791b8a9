/** `clone`: a new zone that is what another is, or was at a snapshot; another machine, unless told otherwise. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from '../host/quick-fs.js';
import { applyHostOp, type HostOp } from '../plan/index.js';
import { parseZoneOptions, type ZoneChange, type ZoneSpec } from '../spec/index.js';
import {
  extrasOf,
  type Lock,
  type Roots,
  readSnapshot,
  readZone,
  specInPool,
  writeJournal,
  type ZoneImage,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { copyTree, lockLayers } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { writeIdentity } from './clone-identity.js';
import { type CloneMove, moveClone, planCloneMove } from './clone-pool.js';
import { cloneSpec } from './clone-spec.js';
import { deleteJournal } from './delete-zone.js';
import { isWrittenLate } from './due-identity.js';
import { hasLocal, withFrozen } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import { newZoneRecord, refuseExisting, wantedIds } from './make-zone.js';
import { type BehindOptions, thenMerge } from './merge-behind.js';
import { recoverZone } from './recover.js';
import { runTransaction } from './transaction.js';
import { withRoom } from './with-room.js';
import { checkZoneFeasible, imageLayersOf } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { ensureNetworks, planAddressLease } from './zone-network.js';
import { directoryOf, frozenLayersOf, newStorage, volumeOf } from './zone-storage.js';

export interface CloneInput {
  readonly source: string;
  /** Of the source; absent: as it is now. */
  readonly snapshot?: string | undefined;
  readonly name: string;
  /** Machine id, ssh host keys, host name, addresses, ports stay what they are. */
  readonly keepIdentity?: boolean | undefined;
  /** Deleted when it ends. */
  readonly ephemeral?: boolean | undefined;
  /** What is to be different. */
  readonly change?: ZoneChange | undefined;
}

export interface CloneResult {
  readonly name: string;
  readonly source: string;
  readonly snapshot?: string;
  readonly spec: ZoneSpec;
  /** Of a running source: what it had written. */
  readonly copiedBytes: number;
  /** How long a running source stood still. */
  readonly frozenMs?: number;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/** What the clone is made of. */
export interface Source {
  readonly pool: string;
  readonly layers: readonly string[];
  readonly isCopy: boolean;
  readonly isVolume?: boolean | undefined;
  readonly spec: ZoneSpec;
  readonly image: ZoneImage;
  readonly machineId: string;
  readonly copiedBytes: number;
  readonly frozenMs?: number | undefined;
  /** A tree with a sparse zone's /usr/local. */
  readonly local?: string | undefined;
}

/** @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND, ZONE_EXISTS, SPEC_INVALID, RESOURCE_DISK_FULL, RESOURCE_IDS_EXHAUSTED */
export async function cloneZone(
  host: HostContext,
  input: CloneInput,
  options: BehindOptions = {},
): Promise<CloneResult> {
  return cloneThen(host, input, options, async (_record, result) => result);
}

/** The same, and `next` with both zones' locks still held. */
export async function cloneThen<T extends { readonly notes: readonly string[] }>(
  host: HostContext,
  input: CloneInput,
  options: BehindOptions,
  next: (record: ZoneRecord, result: CloneResult) => Promise<T>,
): Promise<T> {
  const { source, name } = input;
  parseZoneOptions({ name, image: 'sparse' });
  await readZone(host.roots, source);
  await refuseExisting(host, name);
  const [sourceLock, cloneLock] = await lockBoth(host, source, name, options);
  return thenMerge({ roots: host.roots, zone: source, lock: sourceLock, options }, async () => {
    await using _clone = cloneLock;
    await refuseExisting(host, name);
    const record = await readZone(host.roots, source);
    const made = await withSource(host, record, input, options, (found) => make(host, found, input, options));
    const { move } = made;
    const moved = move === undefined ? {} : { spec: await moveClone(host, name, move, options.signal) };
    const result = { ...made.result, ...moved };
    return await next(await readZone(host.roots, name), result);
  });
}

/** In one order for all, so that nobody waits for somebody who waits. */
async function lockBoth(
  host: HostContext,
  one: string,
  other: string,
  options: OperationOptions,
): Promise<readonly [Lock, Lock]> {
  if (other < one) {
    const [second, first] = await lockBoth(host, other, one, options);
    return [first, second];
  }
  const first = await lockZone(host, one, options);
  try {
    return [first, await lockZone(host, other, options)];
  } catch (error) {
    await first.release();
    throw error;
  }
}

async function withSource<T>(
  host: HostContext,
  record: ZoneRecord,
  { source, snapshot, name }: CloneInput,
  { signal }: OperationOptions,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  if (snapshot !== undefined) {
    const found = await readSnapshot(host.roots, source, snapshot);
    const local = found.hasLocal ? `${extrasOf(host.roots, source, found)}/local/tree` : undefined;
    return use({ ...found, isCopy: false, copiedBytes: 0, frozenMs: undefined, local });
  }
  const aside = `${zonePaths(host.roots, source).directory}/cloning`;
  const isLocal = hasLocal(record);
  if (isLocal) await rm(aside, { recursive: true, force: true });
  const localTo = isLocal ? { directory: aside, name } : undefined;
  try {
    return await withFrozen(host, record, { signal, localTo, isTaken: true }, ({ record: now, ...frozen }) =>
      use({ ...now, ...frozen, local: isLocal ? `${aside}/${name}/tree` : undefined }),
    );
  } finally {
    if (isLocal) await rm(aside, { recursive: true, force: true });
  }
}

async function make(
  host: HostContext,
  source: Source,
  input: CloneInput,
  { signal }: OperationOptions,
): Promise<{ readonly result: CloneResult; readonly move?: CloneMove | undefined }> {
  const { roots } = host;
  const { name, keepIdentity = false, ephemeral = false } = input;
  const { spec, notes, move } = await decideClone(host, source, input);
  await ensureNetworks(roots, spec);
  const machineId = keepIdentity ? source.machineId : randomBytes(16).toString('hex');
  const record = recordOf(source, spec, machineId);
  const ops = await planClone(host, record, source);
  if (ephemeral) await writeJournal(roots, await deleteJournal(roots, record, true));
  const kind = { operation: 'clone', recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  try {
    const more = await runTransaction({ ...kind, isCovered: ephemeral, roots, zone: name, ops, signal }, () =>
      fill(host, record, source, keepIdentity),
    );
    const { copiedBytes, frozenMs } = source;
    const from = { source: input.source, ...(input.snapshot === undefined ? {} : { snapshot: input.snapshot }) };
    const still = frozenMs === undefined ? {} : { frozenMs };
    return { result: { name, ...from, spec, copiedBytes, ...still, notes: [...notes, ...more] }, move };
  } catch (error) {
    if (ephemeral) await recoverZone(roots, name);
    throw error;
  }
}

export function recordOf(
  { pool, layers, image, isVolume }: Source,
  spec: ZoneSpec,
  machineId: string,
): Omit<ZoneRecord, 'ids'> {
  const { storage = { pool, volume: '' } } = newStorage(pool);
  const [volume = ''] = isVolume === true ? layers : [storage.volume];
  return { ...newZoneRecord(spec, image), storage: { ...storage, volume, layers }, machineId };
}

/** But for the record, which `fill` writes. */
export async function planClone(host: HostContext, record: Omit<ZoneRecord, 'ids'>, source: Source): Promise<HostOp[]> {
  const { roots } = host;
  const { spec } = record;
  const paths = zonePaths(roots, spec.name);
  const { pool, volume, layers, limits } = await volumeOf(roots, record);
  const [copy] = source.isCopy && source.isVolume !== true ? layers : [];
  const life = spec.ephemeral ? ({ ephemeral: true } as const) : {};
  return [
    // Undone last: whatever else of the clone was there names it.
    ...(copy === undefined ? [] : [{ op: 'storage.layer', roots, pool, layer: copy } as const]),
    ...(existsSync(paths.directory) ? [{ op: 'state.remove', path: paths.directory } as const] : []),
    { op: 'state.mkdir', path: paths.directory, mode: 0o700 },
    ...(spec.ephemeral ? [{ op: 'state.mkdir', path: paths.run, mode: 0o700 } as const] : []),
    { op: 'storage.create', pool, volume, from: layers, ...limits },
    { op: 'state.ids-lease', roots, zone: spec.name, ...wantedIds(spec), ...life },
    ...planAddressLease(roots, spec),
  ];
}

/** @returns sentences that a user should read */
async function fill(
  host: HostContext,
  record: Omit<ZoneRecord, 'ids'>,
  source: Source,
  keepIdentity: boolean,
): Promise<readonly string[]> {
  const { roots } = host;
  const { spec, machineId } = record;
  const place = await volumeOf(roots, record);
  const { pool, driver, layers } = place;
  const below = driver.layersBelow(layers);
  await putLocal(roots, spec.name, source);
  const own = directoryOf(place);
  const isLate = isWrittenLate(place);
  const trees = [`${own}/upper`, ...frozenLayersOf({ ...place, layers: below }), ...imageLayersOf(host, source.image)];
  const identity = { volume: own, trees, machineId, hostname: spec.hostname ?? spec.name };
  const notes = keepIdentity || isLate ? [] : await withRoom(host, record, () => writeIdentity(identity));
  boundary('clone', spec.name, 'filled');
  const storage = { pool: pool.name, volume: record.storage?.volume ?? '', layers: below };
  await writeRecord(roots, { ...record, storage, ...(isLate && !keepIdentity ? { identityDue: true } : {}) });
  return notes;
}

/** Nobody looks for layers without a name while this one gets its name. */
async function writeRecord(roots: Roots, record: Omit<ZoneRecord, 'ids'>): Promise<void> {
  await using _lock = await lockLayers(roots);
  const write: HostOp = { op: 'state.zone-write', roots, record };
  await applyHostOp(write);
  boundary('clone', record.spec.name, 'record');
}

async function putLocal(roots: Roots, name: string, { local }: Source): Promise<void> {
  if (local === undefined) return;
  const { directory, local: path } = zonePaths(roots, name);
  await copyTree({ from: local, layers: directory, layer: 'filling' }, (last) => last());
  await rename(`${directory}/filling/tree`, path);
  await rm(`${directory}/filling`, { recursive: true, force: true });
}

/** What it will be, and where it is to go. @throws SPEC_INVALID, POOL_NOT_FOUND, POOL_CANNOT, and as `checkZoneFeasible` */
export async function decideClone(
  host: HostContext,
  source: Pick<Source, 'pool' | 'spec' | 'image'>,
  input: CloneInput,
): Promise<{ readonly spec: ZoneSpec; readonly notes: readonly string[]; readonly move?: CloneMove | undefined }> {
  const { name, keepIdentity = false, ephemeral = false } = input;
  const own = specInPool({ ...source.spec, name: input.source }, source.pool);
  const wish = { source: { ...source, spec: own }, ephemeral, change: input.change ?? {} };
  const { change, move } = await planCloneMove(host, wish);
  const { spec, notes } = cloneSpec(own, { name, keepIdentity, ephemeral, change });
  await checkZoneFeasible(host, spec, source.image);
  return { spec, notes, move };
}
