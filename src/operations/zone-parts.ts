/** A zone's files as they lie on disk: what an archive of them is made of. */

import type { HostOp } from '../plan/index.js';
import { type Roots, readRunning, type ZoneRecord, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { runTransaction, undoAll } from './transaction.js';
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
  if (ops.length === 0 || (await isZoneRunning(host, zone))) return body(parts);
  await using _lock = await lockZone(host, zone, options);
  if (!(await settleZone(roots, zone))) throw zoneRunningError(zone, 'Repeat the command.');
  return withOpened(roots, { zone, ops, signal: options.signal }, () => body(parts));
}

/** Mounted for as long as `body` takes, also if that fails; after a kill, whoever gets `zone`'s lock next takes it away. Call with that lock held. */
export function withOpened<T>(
  roots: Roots,
  {
    zone,
    ops,
    signal,
  }: { readonly zone: string; readonly ops: readonly HostOp[]; readonly signal?: AbortSignal | undefined },
  body: () => Promise<T>,
): Promise<T> {
  const kind = { operation: 'open', recovery: 'back', completeIfRunning: false, place: 'run' } as const;
  return runTransaction({ ...kind, roots, zone, ops, signal }, async () => {
    const result = await body();
    const [failure] = await undoAll(ops);
    if (failure !== undefined) throw failure;
    return result;
  });
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
