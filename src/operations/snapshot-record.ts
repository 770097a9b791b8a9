/**
 * A snapshot as if it were a stopped zone, read-only: what `cp`, `export` and `publish` of `ZONE@SNAPSHOT` start their helper in. It has a
 * name of its own, which no zone can have, so that the zone may run meanwhile.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from '../host/quick-fs.js';
import { extrasOf, readSnapshot, readZone, type ZoneRecord } from '../state/index.js';
import { driverOf } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { planFiles, type ZoneFilesPart } from './zone-files.js';
import { findPoolOf } from './zone-storage.js';

/**
 * Call with the zone's lock held: the snapshot must not be deleted while it is used. Its name is `ZONE@SNAPSHOT`, as that of a lock, a
 * group and a run-time directory; it has no network.
 *
 * @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND
 */
export async function snapshotRecord({ roots }: HostContext, zone: string, snapshot: string): Promise<ZoneRecord> {
  const record = await readZone(roots, zone);
  const { name, spec, image, machineId, pool, layers } = await readSnapshot(roots, zone, snapshot);
  const still = { mount: [], tmpfs: [], port: [], device: [], net: { kind: 'none' } as const, readOnly: true };
  return {
    ...record,
    spec: { ...spec, ...still, name: `${zone}@${name}`, ephemeral: false, restart: { policy: 'no' } },
    image,
    machineId,
    storage: { pool, volume: '', layers },
  };
}

/** In the place of planZoneFiles for such a record. */
export async function planSnapshotFiles(host: HostContext, record: ZoneRecord): Promise<ZoneFilesPart> {
  const { roots } = host;
  const [zone = '', name = ''] = record.spec.name.split('@');
  const { storage = { pool: 'default', layers: [] } } = record;
  const pool = await findPoolOf(roots, storage.pool);
  const driver = driverOf(pool);
  const id = randomBytes(8).toString('hex');
  const open = { op: 'storage.open', pool, id, layers: storage.layers } as const;
  return planFiles(host, record, {
    frozen: storage.layers.map((layer) => driver.layerDirectory(pool, layer, id)),
    rootfs: await emptyVolume(roots.root),
    storage: { prepare: driver.needsOpen(pool) ? [open] : [], exit: [] },
    local: `${extrasOf(roots, zone, await readSnapshot(roots, zone, name))}/local/tree`,
  });
}

/** Nothing is ever written to it: what is mounted of it is read-only. */
async function emptyVolume(root: string): Promise<string> {
  const path = `${root}/empty`;
  await mkdir(`${path}/upper`, { recursive: true, mode: 0o755 });
  await mkdir(`${path}/work`, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  await chmod(`${path}/upper`, 0o755);
  return path;
}
