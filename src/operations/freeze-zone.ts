/** What a zone has written becomes a layer: by a rename if it is stopped, by a copy if it runs. */
import { randomBytes } from 'node:crypto';
import { freezeZone as freezeGroups, isZoneFrozen, planThaw, thawZone } from '../cgroups/index.js';
import {
  makeStateDirectory,
  type Roots,
  readRunning,
  readSnapshots,
  readZone,
  type StateOp,
  withReserve,
  type ZoneRecord,
  type ZoneStorage,
  zonePaths,
} from '../state/index.js';
import { copyTree, type HoldStill, layerDriverOf, type StorageOp } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { settleIdentity } from './due-identity.js';
import { flattenLayers, utmostLayers } from './flatten-layers.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { runTransaction, type Underway, untilSaid } from './transaction.js';
import { groupsOf } from './zone-ref.js';
import { volumeOf, type ZoneVolume } from './zone-storage.js';

/** All that the zone had written, as layers. */
export interface FrozenZone {
  /** As it is from now on. */
  readonly record: ZoneRecord;
  readonly pool: string;
  /** Topmost first. */
  readonly layers: readonly string[];
  readonly isCopy: boolean;
  /** The topmost is a volume, which nobody has yet. */
  readonly isVolume?: boolean | undefined;
  readonly wasRunning: boolean;
  readonly copiedBytes: number;
  /** How long it stood still, if it ran. */
  readonly frozenMs?: number | undefined;
}

export interface FreezeZoneOptions {
  /** What is made is to be a volume, where that makes no difference. */
  readonly isTaken?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where the /usr/local of a sparse zone is copied to, as `DIRECTORY/NAME/tree`. */
  readonly localTo?: { readonly directory: string; readonly name: string } | undefined;
}

export const newLayerId = (): string => randomBytes(8).toString('hex');

/**
 * Freezes, then `commit` records what is made of the layers; if it fails, the layers that were made for it go. Call with the zone's lock.
 *
 * @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED, WAIT_TIMEOUT a process could not be stopped
 */
export async function withFrozen<T>(
  host: HostContext,
  found: ZoneRecord,
  options: FreezeZoneOptions,
  commit: (frozen: FrozenZone) => Promise<T>,
): Promise<T> {
  const { name } = found.spec;
  const isRunning = (await readRunning(host.roots, name)) !== undefined || !(await settleZone(host.roots, name));
  const record = await settleIdentity(host, found);
  const { pool, volume, layers } = await volumeOf(host.roots, record);
  const driver = layerDriverOf(pool);
  const isMoved = !isRunning && driver.freezes === 'copy';
  if (!isMoved) return freezeByCopy(host, record, { ...options, isRunning }, commit);
  const isUntouched = await driver.isUntouched(pool, volume, layers);
  const now = isUntouched ? record : await freezeByMove(host.roots, record);
  const copiedBytes = await copyLocal(host, record, options, (last) => last());
  const frozen = { pool: pool.name, layers: now.storage?.layers ?? [], isCopy: false, wasRunning: false, copiedBytes };
  return commit({ ...frozen, record: now });
}

/** O(1). A kill in between, and the next command completes it. */
async function freezeByMove(roots: Roots, record: ZoneRecord): Promise<ZoneRecord> {
  const place = await volumeOf(roots, record);
  const layer = newLayerId();
  await (await moveIntoLayer(roots, record, { place, layer, layers: [layer, ...place.layers] })).rest;
  return flattenLayers(roots, await readZone(roots, record.spec.name), newLayerId(), utmostLayers);
}

/** It lies beside the volume. @returns bytes that were copied */
async function copyLocal(
  { roots }: HostContext,
  { spec }: ZoneRecord,
  { localTo, signal }: FreezeZoneOptions,
  hold: HoldStill,
): Promise<number> {
  if (localTo === undefined) return 0;
  const { directory, name } = localTo;
  await makeStateDirectory(directory);
  return copyTree({ from: zonePaths(roots, spec.name).local, layers: directory, layer: name, signal }, hold);
}

export const hasLocal = ({ image }: Pick<ZoneRecord, 'image'>): boolean => image.kind === 'sparse';

export interface Move {
  readonly place: ZoneVolume;
  readonly layer: string;
  /** What the zone is made of then, below its volume. */
  readonly layers: readonly string[];
  /** What else of its record changes. */
  readonly like?: Pick<ZoneRecord, 'spec' | 'image' | 'machineId'> | undefined;
  /** Afterwards. */
  readonly more?: readonly (StateOp | StorageOp)[] | undefined;
  /** What nobody needs to wait for. */
  readonly last?: readonly StorageOp[] | undefined;
}

/** The volume is empty then, and the zone is made of other layers; without what comes last. */
export function planMove(
  roots: Roots,
  record: ZoneRecord,
  { place, layer, layers, like, more = [] }: Move,
): (StateOp | StorageOp)[] {
  const { pool, volume } = place;
  const storage: ZoneStorage = { pool: pool.name, volume: record.storage?.volume ?? '', layers };
  return [
    { op: 'storage.freeze', pool, volume, layer, ...(like === undefined ? {} : { like: layers[0] ?? null }) },
    { op: 'state.zone-storage', roots, zone: record.spec.name, storage, ...(like === undefined ? {} : { like }) },
    ...more,
  ];
}

/** @returns when the zone is made of them */
export function moveIntoLayer(roots: Roots, record: ZoneRecord, move: Move): Promise<Underway> {
  const { like, last = [] } = move;
  const { name } = record.spec;
  const ops = planMove(roots, record, move);
  const kind = { recovery: 'forward', completeIfRunning: false, place: 'disk' } as const;
  const operation = like === undefined ? 'freeze' : 'restore';
  const transaction = { operation, zone: name, ...kind, roots, ops, later: last };
  return untilSaid((say) =>
    withReserve(roots, () =>
      runTransaction(transaction, (applyLast) => {
        say();
        return applyLast();
      }),
    ),
  );
}

/** The layer of an operation that fails goes, and so does that of one that is killed; the zone runs on. */
async function freezeByCopy<T>(
  host: HostContext,
  record: ZoneRecord,
  options: FreezeZoneOptions & { readonly isRunning: boolean },
  commit: (frozen: FrozenZone) => Promise<T>,
): Promise<T> {
  const { roots } = host;
  const { name } = record.spec;
  const { pool, volume, layers } = await volumeOf(roots, record);
  const driver = layerDriverOf(pool);
  const layer = newLayerId();
  const earlier = await earlierCopy(roots, name, { pool, layers });
  const base = earlier[0];
  const { isRunning, isTaken = false, signal } = options;
  const isVolume = isTaken && driver.freezes === 'instant';
  const stillness = isRunning ? holdStill(host, name) : standsStill;
  const kind = { recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  const thaw = !isRunning || isZoneFrozen(groupsOf(host, name)) ? [] : [planThaw(groupsOf(host, name))];
  const opening = { id: layer, layers: base === undefined || driver.stacksCopies !== true ? [] : [base] };
  const open = opening.layers.length === 0 ? [] : [{ op: 'storage.open', pool, ...opening } as const];
  const ops = [...thaw, { op: 'storage.layer', roots, pool, layer, isVolume } as const, ...open];
  return runTransaction({ operation: 'freeze', zone: name, ...kind, roots, ops, signal: options.signal }, async () => {
    let copiedBytes = 0;
    let isSince: boolean | undefined;
    const freeze = async (also: () => Promise<unknown>) => {
      const hold: HoldStill = (work) =>
        stillness.hold(async () => {
          const result = await work();
          await also();
          return result;
        });
      ({ copiedBytes, isSince } = await driver.freeze(pool, volume, layer, { hold, base, isVolume, signal }));
    };
    if (options.localTo === undefined) await freeze(async () => {});
    else {
      const localBytes = await copyLocal(host, record, options, around(freeze));
      copiedBytes += localBytes;
    }
    if (open.length > 0) await driver.close(pool, opening);
    boundary('freeze', name, 'copied');
    const frozen = {
      record,
      pool: pool.name,
      layers: [layer, ...(isSince === true ? earlier : layers)],
      isCopy: true,
      isVolume,
      wasRunning: isRunning,
      copiedBytes,
    };
    return commit({ ...frozen, frozenMs: stillness.ms() });
  });
}

/** As many lie on top of each other before all is copied again. */
const mostStacked = 8;

/** Of the running zone, at its latest snapshot: what that is made of. */
async function earlierCopy(
  roots: Roots,
  zone: string,
  { pool, layers }: Pick<ZoneVolume, 'pool' | 'layers'>,
): Promise<readonly string[]> {
  const copies = (await readSnapshots(roots, zone)).filter((one) => one.isCopy && one.pool === pool.name);
  const found = copies.at(-1)?.layers ?? [];
  if (layerDriverOf(pool).stacksCopies !== true) return found;
  const stacked = found.length - layers.length;
  // What lies below the volume has to be what lay below it then.
  const isSame = stacked > 0 && found.slice(stacked).join() === layers.join();
  return isSame && stacked < mostStacked ? found : [];
}

/** What has to stand still for the one stands still for the other, too. */
function around(freeze: (also: () => Promise<unknown>) => Promise<void>): HoldStill {
  return async <T>(last: () => Promise<T>) => {
    let result: T | undefined;
    await freeze(async () => {
      result = await last();
    });
    return result as T;
  };
}

interface Stillness {
  readonly hold: HoldStill;
  /** How long it lasted. */
  ms(): number | undefined;
}

const standsStill: Stillness = { hold: (work) => work(), ms: () => undefined };

/** One that is paused already stays so. */
function holdStill(host: HostContext, name: string): Stillness {
  let stoodMs = 0;
  const hold: HoldStill = async (work) => {
    const groups = groupsOf(host, name);
    const isPaused = isZoneFrozen(groups);
    const began = performance.now();
    if (!isPaused) await freezeGroups(groups);
    boundary('freeze', name, 'held');
    try {
      return await work();
    } finally {
      if (!isPaused) await thawZone(groups);
      stoodMs = performance.now() - began;
      boundary('freeze', name, 'released');
    }
  };
  return { hold, ms: () => Math.round(stoodMs * 100) / 100 };
}
