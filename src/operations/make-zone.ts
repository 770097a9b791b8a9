/** A zone on disk, of an image that is there. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { withImagesLocked } from '../images/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import {
  defaultPoolName,
  findZone,
  type Roots,
  readUnseenZone,
  readZone,
  type StateOp,
  type WantedIds,
  writeJournal,
  type ZoneImage,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { layerDirectory, type StorageOp } from '../storage/index.js';
import { deleteJournal, discardZone } from './delete-zone.js';
import type { HostContext } from './host-context.js';
import { recoverZone } from './recover.js';
import { runTransaction } from './transaction.js';
import { checkZoneFeasible, type FeasibleParts } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { ensureNetworks, planAddressLease } from './zone-network.js';
import { directoryOf, isPlain, newStorage, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface MakeOptions extends OperationOptions {
  /** It is made for whoever claims a zone of this image. */
  readonly spareOf?: string | undefined;
  /** It is made before anybody has asked for it, and has no record yet. */
  readonly unseen?: boolean | undefined;
}

/**
 * A zone of an image that is there, then `next`, with the zone's lock held all the time; if that fails, the zone is taken back.
 *
 * @param withImage calls its argument with the image, whose layers nobody removes meanwhile
 */
export async function makeThen<T>(
  host: HostContext,
  input: ZoneOptions,
  options: MakeOptions,
  withImage: (spec: ZoneSpec, make: (image: ZoneImage) => Promise<void>) => Promise<void>,
  next: (record: ZoneRecord, parts: FeasibleParts | undefined) => Promise<T>,
): Promise<T> {
  const spec = parseZoneOptions(input);
  await refuseExisting(host, spec.name);
  await using _lock = await lockZone(host, spec.name, options);
  await refuseExisting(host, spec.name);
  const { signal, spareOf, unseen } = options;
  const found: { parts?: FeasibleParts } = {};
  await withImage(spec, async (image) => {
    found.parts = await create(host, withDefaults(input, spec, image), image, { signal, spareOf, unseen });
  });
  try {
    const record = await (unseen === true ? readUnseenZone : readZone)(host.roots, spec.name);
    return await next(record, found.parts);
  } catch (error) {
    await discardZone(host, spec.name);
    throw error;
  }
}

/** The same, of an image that need not be listed: its layers are held still until the zone's record names them. */
export function makeOfThen<T>(
  host: HostContext,
  input: ZoneOptions,
  image: ZoneImage,
  options: MakeOptions,
  next: (record: ZoneRecord) => Promise<T>,
): Promise<T> {
  return makeThen(host, input, options, (_, make) => withImagesLocked(host.roots, () => make(image)), next);
}

/** The image's own limits where nothing else was asked for. */
export function withDefaults(input: ZoneOptions, spec: ZoneSpec, { config: { limits } }: ZoneImage): ZoneSpec {
  return limits === undefined ? spec : parseZoneOptions({ ...limits, ...input });
}

async function create(
  host: HostContext,
  spec: ZoneSpec,
  image: ZoneImage,
  { signal, spareOf, unseen }: Pick<MakeOptions, 'signal' | 'spareOf' | 'unseen'>,
): Promise<FeasibleParts> {
  const { roots } = host;
  const parts = await checkZoneFeasible(host, spec, image);
  await ensureNetworks(roots, spec);
  const record = newZoneRecord(spec, image, spareOf);
  const place = await volumeOf(roots, record);
  // Of a throw-away zone: whatever becomes of its making, what takes it back is its delete.
  if (spec.ephemeral) await writeJournal(roots, await deleteJournal(roots, record, true));
  const kind = { operation: 'create', recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  const ops = planCreate(host, record, place, unseen);
  const isCovered = spec.ephemeral;
  try {
    await runTransaction({ ...kind, isCovered, roots, zone: spec.name, ops, signal }, async () => {});
  } catch (error) {
    if (spec.ephemeral) await recoverZone(roots, spec.name);
    throw error;
  }
  return parts;
}

/** The record comes last: with it the zone exists. */
export function planCreate(
  { roots }: HostContext,
  record: Omit<ZoneRecord, 'ids'>,
  place: ZoneVolume,
  unseen?: boolean,
): (StateOp | StorageOp)[] {
  const { spec, image } = record;
  const paths = zonePaths(roots, spec.name);
  return [
    // Of a zone that a power cut ended together with all that was known of it.
    ...(existsSync(paths.directory) ? [{ op: 'state.remove', path: paths.directory } as const] : []),
    { op: 'state.mkdir', path: paths.directory, mode: 0o700 },
    // Where its record goes.
    ...(spec.ephemeral ? [{ op: 'state.mkdir', path: paths.run, mode: 0o700 } as const] : []),
    ...planVolume(place),
    ...planLocal(roots, image, paths.local),
    {
      op: 'state.ids-lease',
      roots,
      zone: spec.name,
      ...wantedIds(spec),
      ...(spec.ephemeral ? { ephemeral: true } : {}),
    },
    ...planAddressLease(roots, spec),
    { op: 'state.zone-write', roots, record, unseen },
  ];
}

/** Of a sparse zone: /usr/local, which the host's /usr hides if it is in a layer. */
function planLocal(roots: Roots, { kind, config }: ZoneImage, path: string): (StateOp | StorageOp)[] {
  if (kind !== 'sparse') return [];
  const make = { op: 'state.mkdir', path, mode: 0o755 } as const;
  if (config.localLayer === undefined) return [make];
  return [make, { op: 'storage.fill', from: join(layerDirectory(roots, config.localLayer), 'usr/local'), to: path }];
}

function planVolume(place: ZoneVolume): (StateOp | StorageOp)[] {
  const { pool, volume, layers: from, limits } = place;
  if (!isPlain(place)) return [{ op: 'storage.create', pool, volume, from, ...limits }];
  const rootfs = directoryOf(place);
  return [
    { op: 'state.mkdir', path: rootfs, mode: 0o700 },
    { op: 'state.mkdir', path: join(rootfs, 'upper'), mode: 0o755 },
    { op: 'state.mkdir', path: join(rootfs, 'work'), mode: 0o700 },
  ];
}

export function wantedIds({ userns, privileged, nesting }: ZoneSpec): { readonly ids?: WantedIds } {
  const isUsual = userns.kind === 'auto' && userns.count === undefined && !privileged && !nesting;
  return isUsual ? {} : { ids: { userns, privileged, nesting } };
}

export function newZoneRecord(spec: ZoneSpec, image: ZoneImage, spareOf?: string): Omit<ZoneRecord, 'ids'> {
  return {
    version: 1,
    spec,
    image,
    ...newStorage(spec.pool ?? defaultPoolName),
    machineId: randomBytes(16).toString('hex'),
    createdAtMs: Date.now(),
    stoppedByUser: false,
    restarts: 0,
    ...(spareOf === undefined ? {} : { spareOf }),
  };
}

/** @throws ZONE_EXISTS */
export async function refuseExisting(host: HostContext, name: string): Promise<void> {
  if ((await findZone(host.roots, name)) === undefined) return;
  throw zoneError('ZONE_EXISTS', `zone "${name}" exists already`, {
    hint: `Choose another name, or run "tszone delete ${name}" first.`,
    context: { zone: name },
  });
}
