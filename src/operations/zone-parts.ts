/** A zone's files as they lie on disk: what an archive of them is made of. */
import { join } from 'node:path';
import { readRunning, type ZoneRecord, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { planZoneLayers } from './zone-files.js';

export type PartName = 'rootfs' | 'local';

export interface ZonePart {
  readonly name: PartName;
  /** Topmost first; several: what an overlay of them shows. */
  readonly directories: readonly string[];
}

/**
 * The root as the zone sees it, without what is mounted in it; and what a sparse zone has of its own in /usr/local. Owners on disk are
 * the zone's (decision 0001), so nothing has to be mapped, and whether the zone runs, is paused or stopped is all the same.
 */
export function zoneParts(host: HostContext, record: ZoneRecord): ZonePart[] {
  const { rootfs, local } = zonePaths(host.roots, record.spec.name);
  const root = { name: 'rootfs', directories: [join(rootfs, 'upper'), ...planZoneLayers(host, record)] } as const;
  return record.image.kind === 'sparse' ? [root, { name: 'local', directories: [local] }] : [root];
}

export async function isZoneRunning({ roots }: HostContext, name: string): Promise<boolean> {
  return (await readRunning(roots, name)) !== undefined;
}

/** Options of the packer and the unpacker. */
export function partOptions(
  parts: readonly { readonly name: string; readonly directories: readonly string[] }[],
): string[] {
  return parts.flatMap(({ name, directories }) => [
    '--part',
    name,
    ...directories.flatMap((directory) => ['--dir', directory]),
  ]);
}
