/** A zone's files as they lie on disk: what an archive of them is made of. */

import { readRunning, readZone, type ZoneRecord, zonePaths } from '../state/index.js';
import { settleIdentity } from './due-identity.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { withOpened } from './with-opened.js';
import { planZoneLayers } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';
import { planOpen, volumeOf } from './zone-storage.js';

export type PartName = 'rootfs' | 'local' | `layers/${number}` | `locals/${number}`;

export interface ZonePart {
  readonly name: PartName;
  /** Topmost first; several: what an overlay of them shows. */
  readonly directories: readonly string[];
}

/**
 * The root as the zone sees it, without what is mounted in it; and what a sparse zone has of its own in /usr/local. Owners on disk are
 * the zone's (decision 0001), so nothing has to be mapped, and whether the zone runs, is paused or stopped is all the same. A volume
 * that has to be mounted is, for as long as `body` takes, and the zone locked then.
 *
 * @throws what `body` throws; LOCK_BUSY, ZONE_RUNNING it was started meanwhile
 */
export async function withZoneParts<T>(
  host: HostContext,
  record: ZoneRecord,
  options: OperationOptions,
  body: (parts: readonly ZonePart[]) => Promise<T>,
): Promise<T> {
  const { roots } = host;
  const zone = record.spec.name;
  const ops = planOpen(await volumeOf(roots, record)).prepare;
  const parts = await partsOf(host, record);
  const isReady = ops.length === 0 && record.identityDue !== true;
  if (isReady || (await isZoneRunning(host, zone))) return body(parts);
  await using _lock = await lockZone(host, zone, options);
  if (!(await settleZone(roots, zone))) throw zoneRunningError(zone, 'Repeat the command.');
  await settleIdentity(host, await readZone(roots, zone));
  return await withOpened(roots, { zone, ops, signal: options.signal }, () => body(parts));
}

export async function partsOf(host: HostContext, record: ZoneRecord): Promise<ZonePart[]> {
  const { local } = zonePaths(host.roots, record.spec.name);
  const root = { name: 'rootfs', directories: await planZoneLayers(host, record) } as const;
  return record.image.kind === 'sparse' ? [root, { name: 'local', directories: [local] }] : [root];
}

export async function isZoneRunning({ roots }: HostContext, name: string): Promise<boolean> {
  return (await readRunning(roots, name)) !== undefined;
}

export interface ArchivePart {
  readonly name: string;
  readonly directories: readonly string[];
  /** unpack: what tells machines apart is left out of it. */
  readonly scrub?: boolean;
}

/** Options of the packer and the unpacker. */
export function partOptions(parts: readonly ArchivePart[]): string[] {
  return parts.flatMap(({ name, directories, scrub = false }) => [
    '--part',
    name,
    ...directories.flatMap((directory) => ['--dir', directory]),
    ...(scrub ? ['--scrub'] : []),
  ]);
}
