/** `ZONE` or `ZONE@SNAPSHOT`: what an archive is made of, and the record that goes with it. */
import type { SnapshotRef } from '../spec/index.js';
import { extrasOf, readSnapshot, readZone, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { planSnapshotFiles, snapshotRecord } from './snapshot-record.js';
import { isLocked, type RequireStillThere, snapshotStillThere } from './still-there.js';
import { withOpened } from './with-opened.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { withZoneParts, type ZonePart } from './zone-parts.js';

type Body<T> = (parts: readonly ZonePart[], record: ZoneRecord, requireStillThere: RequireStillThere) => Promise<T>;

export interface PartsOptions extends OperationOptions {
  /** The snapshot is the caller's: the zone is not locked for it, and `body` has to ask whether it is still there when it has read all. */
  readonly isOwn?: boolean | undefined;
}

/** Calls `body` with the zone's files as they are, or as they were at the snapshot. @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND; what `body` throws */
export async function withPartsOf<T>(
  host: HostContext,
  { zone, snapshot }: SnapshotRef,
  options: PartsOptions,
  body: Body<T>,
): Promise<T> {
  if (snapshot !== undefined) return withSnapshotParts(host, { zone, snapshot }, options, body);
  return withZoneParts(host, zone, options, body);
}

/** The zone is locked for as long as `body` takes, so that the snapshot is not deleted; it may run meanwhile. */
async function withSnapshotParts<T>(
  host: HostContext,
  { zone, snapshot }: { readonly zone: string; readonly snapshot: string },
  options: PartsOptions,
  body: Body<T>,
): Promise<T> {
  const { roots } = host;
  await using _lock = options.isOwn === true ? undefined : await lockZone(host, zone, options);
  const found = await readSnapshot(roots, zone, snapshot);
  const requireStillThere = options.isOwn === true ? snapshotStillThere(roots, zone, found) : isLocked;
  const { layers, storage } = await planSnapshotFiles(host, await snapshotRecord(host, zone, found.name));
  const { spec, image, machineId, pool } = found;
  const own = { pool, volume: '', layers: found.layers };
  const record = { ...(await readZone(roots, zone)), spec: { ...spec, name: zone }, image, machineId, storage: own };
  const local = { name: 'local', directories: [`${extrasOf(roots, zone, found)}/local/tree`] } as const;
  const parts = [{ name: 'rootfs', directories: layers } as const, ...(image.kind === 'sparse' ? [local] : [])];
  if (storage.prepare.length === 0) return await body(parts, record, requireStillThere);
  // Who works off what killed commands left takes the locks of what their journals name.
  await using _opened = await lockZone(host, `${zone}@${found.name}`, options);
  const opened = { zone: `${zone}@${found.name}`, ops: storage.prepare, signal: options.signal };
  return await withOpened(roots, opened, () => body(parts, record, requireStillThere));
}
