/**
 * What makes a clone another machine than its source (clone-identity.ts), written late: where a volume has to be mounted before anything can be
 * written to it, or where it would be committed twice, that is left to whoever looks into it first (decision 0035). Until then the record says that
 * it is due.
 */
import { writeZone, type ZoneRecord } from '../state/index.js';
import { boundary } from './boundaries.js';
import { writeIdentity } from './clone-identity.js';
import type { HostContext } from './host-context.js';
import { withOpened } from './with-opened.js';
import { withRoom } from './with-room.js';
import { planZoneLayers } from './zone-files.js';
import { directoryOf, planOpen, volumeOf, type ZoneVolume } from './zone-storage.js';

/** Whether that is worth it: mounting takes longer than all the rest of a clone, and so does a commit after the one by which the volume was made. */
export const isWrittenLate = ({ pool, driver, volume, layers }: ZoneVolume): boolean =>
  driver.freezes === 'instant' || driver.mountPoints(pool, { id: volume, volume, layers }).length > 0;

export interface Settled {
  readonly record: ZoneRecord;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/** Call with the zone's lock held and its volume open, before anything of it is read. @throws RESOURCE_DISK_FULL */
export async function writeDueIdentity(host: HostContext, record: ZoneRecord): Promise<Settled> {
  if (record.identityDue !== true) return { record, notes: [] };
  const { spec, machineId } = record;
  const volume = directoryOf(await volumeOf(host.roots, record));
  const trees = await planZoneLayers(host, record);
  const identity = { volume, trees, machineId, hostname: spec.hostname ?? spec.name };
  const notes = await withRoom(host, record, () => writeIdentity(identity));
  const { identityDue: _written, ...settled } = record;
  boundary('identity', spec.name, 'written');
  await writeZone(host.roots, settled);
  return { record: settled, notes };
}

/** The same for a zone that is stopped. */
export async function settleIdentity(host: HostContext, record: ZoneRecord): Promise<ZoneRecord> {
  if (record.identityDue !== true) return record;
  const ops = planOpen(await volumeOf(host.roots, record)).prepare;
  const opened = { zone: record.spec.name, ops };
  return withOpened(host.roots, opened, async () => (await writeDueIdentity(host, record)).record);
}
