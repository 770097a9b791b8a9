/**
 * A zone with its snapshots, as parts of one archive: each frozen layer once, and what their images have as layers below those. What a
 * driver keeps as a layer is what lies on top of the rest of its chain, so the archive is the same for all of them.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  extrasOf,
  type Roots,
  readSnapshots,
  readZone,
  type SnapshotRecord,
  type ZoneImage,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { driverOf, emptyLayer, type Pool, type StorageOp } from '../storage/index.js';
import { settleIdentity } from './due-identity.js';
import { type ExportedSnapshot, type ExportHistory, whatItIs } from './export-manifest.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { withOpened } from './with-opened.js';
import { imageLayersOf } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { isZoneRunning, type ZonePart } from './zone-parts.js';
import { zoneRunningError } from './zone-ref.js';
import { directoryOf, findPoolOf, planOpen, volumeOf } from './zone-storage.js';

type Body<T> = (parts: readonly ZonePart[], record: ZoneRecord, history: ExportHistory) => Promise<T>;

/**
 * The zone is locked for as long as `body` takes, so that no snapshot is deleted; it may run meanwhile.
 *
 * @throws ZONE_NOT_FOUND, ZONE_RUNNING it was started meanwhile; what `body` throws
 */
export async function withHistory<T>(
  host: HostContext,
  zone: string,
  options: OperationOptions,
  body: Body<T>,
): Promise<T> {
  const { roots } = host;
  await using _lock = await lockZone(host, zone, options);
  const found = await readZone(roots, zone);
  const isRunning = await isZoneRunning(host, zone);
  if (!isRunning && !(await settleZone(roots, zone))) throw zoneRunningError(zone, 'Repeat the command.');
  const record = await settleIdentity(host, found);
  const place = await volumeOf(roots, record);
  const layers = new LayerParts(host);
  const chain = await layers.chainOf(place.pool.name, place.layers, record.image);
  const snapshots: ExportedSnapshot[] = [];
  const locals: ZonePart[] = [];
  for (const [index, snapshot] of (await readSnapshots(roots, zone)).entries()) {
    snapshots.push(exported(snapshot, await layers.chainOf(snapshot.pool, snapshot.layers, snapshot.image)));
    if (!snapshot.hasLocal) continue;
    locals.push({ name: `locals/${index}`, directories: [`${extrasOf(roots, zone, snapshot)}/local/tree`] });
  }
  const { local } = zonePaths(roots, zone);
  const parts: ZonePart[] = [
    ...layers.parts,
    { name: 'rootfs', directories: [join(directoryOf(place), 'upper')] },
    ...(record.image.kind === 'sparse' ? [{ name: 'local', directories: [local] } as const] : []),
    ...locals,
  ];
  const ops = [...(isRunning ? [] : planOpen(place).prepare), ...layers.ops];
  const use = () => body(parts, record, { layers: layers.parts.length, chain, snapshots });
  return await (ops.length === 0 ? use() : withOpened(roots, { zone, ops, signal: options.signal }, use));
}

function exported(snapshot: SnapshotRecord, chain: number[]): ExportedSnapshot {
  const { name, isNamed, comment, createdAtMs, expiresAtMs, wasRunning, frozenMs, copiedBytes, machineId } = snapshot;
  return {
    name,
    isNamed,
    ...(comment === undefined ? {} : { comment }),
    createdAtMs,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    wasRunning,
    ...(frozenMs === undefined ? {} : { frozenMs }),
    copiedBytes,
    machineId,
    ...whatItIs(snapshot),
    hasLocal: snapshot.hasLocal,
    chain,
  };
}

/** Each layer once, by the order in which it is met. */
class LayerParts {
  readonly parts: ZonePart[] = [];
  /** One for each pool whose layers have to be mounted. */
  readonly ops: StorageOp[] = [];
  readonly #host: HostContext;
  readonly #numbers = new Map<string, number>();
  readonly #opened = new Map<string, { readonly pool: Pool; readonly id: string; readonly layers: string[] }>();

  constructor(host: HostContext) {
    this.#host = host;
  }

  /** What an image has is one layer more, the lowest. */
  async chainOf(poolName: string, layers: readonly string[], image: ZoneImage): Promise<number[]> {
    const { pool, id, layers: opened } = await this.#poolOf(this.#host.roots, poolName);
    const frozen = layers.map((layer) =>
      this.#numberOf(`${poolName}/${layer}`, () => {
        opened.push(layer);
        return [driverOf(pool).layerDirectory(pool, layer, id)];
      }),
    );
    if (image.layers.every((digest) => digest === emptyLayer)) return frozen;
    return [...frozen, this.#numberOf(image.layers.join('/'), () => imageLayersOf(this.#host, image))];
  }

  #numberOf(key: string, directories: () => readonly string[]): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.parts.length;
    this.parts.push({ name: `layers/${number}`, directories: directories() });
    this.#numbers.set(key, number);
    return number;
  }

  async #poolOf(roots: Roots, name: string) {
    const known = this.#opened.get(name);
    if (known !== undefined) return known;
    const pool = await findPoolOf(roots, name);
    const made = { pool, id: randomBytes(8).toString('hex'), layers: [] as string[] };
    this.#opened.set(name, made);
    if (driverOf(pool).needsOpen(pool)) this.ops.push({ op: 'storage.open', ...made });
    return made;
  }
}
