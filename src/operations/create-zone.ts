/** `create`: a zone on disk, made from an image. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import { findZone, readZone, type StateOp, type ZoneImage, type ZoneRecord, zonePaths } from '../state/index.js';
import { type EnsureImageOptions, type PullPolicy, withImage } from './ensure-image.js';
import type { HostContext } from './host-context.js';
import { runTransaction } from './transaction.js';
import { checkZoneFeasible } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { ensureNetworks, planAddressLease } from './zone-network.js';

export interface CreateOptions extends OperationOptions {
  readonly pull?: PullPolicy;
  readonly onProgress?: EnsureImageOptions['progress'];
}

/**
 * Makes the zone. Nothing of it is there before the last step, and nothing is left if one fails.
 *
 * @throws SPEC_INVALID, ZONE_EXISTS, IMAGE_NOT_FOUND, RESOURCE_DISK_FULL, RESOURCE_IDS_EXHAUSTED, HOST_FEATURE_MISSING
 */
export async function createZone(
  host: HostContext,
  input: ZoneOptions,
  options: CreateOptions = {},
): Promise<ZoneRecord> {
  const spec = parseZoneOptions(input);
  await refuseExisting(host, spec.name);
  const { pull = 'missing', onProgress: progress, signal } = options;
  return withImage(host, spec.image, { pull, progress, signal }, async (image) => {
    await checkZoneFeasible(host, spec, image);
    await using _lock = await lockZone(host, spec.name, options);
    await refuseExisting(host, spec.name);
    await ensureNetworks(host.roots, spec);
    const ops = planCreate(host, spec, image);
    const kind = { operation: 'create', recovery: 'back', completeIfRunning: false, durable: true } as const;
    await runTransaction({ ...kind, roots: host.roots, zone: spec.name, ops, signal }, async () => {});
    return await readZone(host.roots, spec.name);
  });
}

/** The record comes last: with it the zone exists. */
export function planCreate({ roots }: HostContext, spec: ZoneSpec, image: ZoneImage): StateOp[] {
  const paths = zonePaths(roots, spec.name);
  const record: Omit<ZoneRecord, 'ids'> = {
    version: 1,
    spec,
    image,
    machineId: randomBytes(16).toString('hex'),
    createdAtMs: Date.now(),
    stoppedByUser: false,
    restarts: 0,
  };
  return [
    { op: 'state.mkdir', path: paths.directory, mode: 0o700 },
    { op: 'state.mkdir', path: paths.rootfs, mode: 0o700 },
    { op: 'state.mkdir', path: join(paths.rootfs, 'upper'), mode: 0o755 },
    { op: 'state.mkdir', path: join(paths.rootfs, 'work'), mode: 0o700 },
    { op: 'state.mkdir', path: paths.local, mode: 0o755 },
    { op: 'state.ids-lease', roots, zone: spec.name },
    ...planAddressLease(roots, spec),
    { op: 'state.zone-write', roots, record },
  ];
}

async function refuseExisting(host: HostContext, name: string): Promise<void> {
  if ((await findZone(host.roots, name)) === undefined) return;
  throw zoneError('ZONE_EXISTS', `zone "${name}" exists already`, {
    hint: `Choose another name, or run "tszone delete ${name}" first.`,
    context: { zone: name },
  });
}
