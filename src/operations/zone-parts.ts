/** A zone's files as they lie on disk: what an archive of them is made of. */

import { stat } from '../host/quick-fs.js';
import { findZone, readRunning, readZone, type ZoneRecord, zonePaths } from '../state/index.js';
import { settleIdentity } from './due-identity.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { isLocked, type RequireStillThere, zoneStillThere } from './still-there.js';
import { withOpened } from './with-opened.js';
import { planZoneLayers } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { planOpen, volumeOf } from './zone-storage.js';

export type PartName = 'rootfs' | 'local' | `layers/${number}` | `locals/${number}`;

export interface ZonePart {
  readonly name: PartName;
  /** Topmost first; several: what an overlay of them shows. */
  readonly directories: readonly string[];
}

/**
 * The root as the zone sees it, without what is mounted in it; and what a sparse zone has of its own in /usr/local. Owners on disk are
 * the zone's (decision 0001), so nothing has to be mapped. One that does not run is locked for as long as `body` takes, and its volume
 * mounted if it has to be; one that runs or is paused is not, so `body` has to ask whether it is still there when it has read all.
 *
 * @throws what `body` throws; ZONE_NOT_FOUND, LOCK_BUSY
 */
export async function withZoneParts<T>(
  host: HostContext,
  zone: string,
  options: OperationOptions,
  body: (parts: readonly ZonePart[], record: ZoneRecord, requireStillThere: RequireStillThere) => Promise<T>,
): Promise<T> {
  const { roots } = host;
  await readZone(roots, zone);
  if (!(await isZoneRunning(host, zone))) {
    await using _lock = await lockZone(host, zone, options);
    const found = await readZone(roots, zone);
    const ops = planOpen(await volumeOf(roots, found)).prepare;
    const isReady = ops.length === 0 && found.identityDue !== true;
    if (!(await isZoneRunning(host, zone)) && (isReady || (await settleZone(roots, zone)))) {
      const record = await settleIdentity(host, found);
      const read = async () => body(await partsOf(host, record), record, isLocked);
      return await (ops.length === 0 ? read() : withOpened(roots, { zone, ops, signal: options.signal }, read));
    }
  }
  const identify = async () => rootIdentity(host, await findZone(roots, zone));
  const requireStillThere = await zoneStillThere(roots, zone, identify);
  const record = await readZone(roots, zone);
  return await body(await partsOf(host, record), record, requireStillThere);
}

async function rootIdentity(host: HostContext, record: ZoneRecord | undefined): Promise<string | undefined> {
  if (record === undefined) return undefined;
  const [root] = await partsOf(host, record);
  const directories = root?.directories ?? [];
  const top = await stat(directories[0] ?? '').catch(() => undefined);
  return top === undefined ? undefined : [record.createdAtMs, top.dev, top.ino, ...directories].join(' ');
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
