/** The snapshots of a zone that is imported: their layers, and the records that come with the zone's own. */
import { randomBytes } from 'node:crypto';
import { extrasOf, type SnapshotRecord, writeSnapshot, type ZoneRecord } from '../state/index.js';
import { layerDriverOf, type StorageOp } from '../storage/index.js';
import { type ExportedSnapshot, type ExportManifest, parseExportedSpec } from './export-manifest.js';
import { newLayerId } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import type { ArchivePart } from './zone-parts.js';
import type { ZoneVolume } from './zone-storage.js';

export interface ImportedHistory {
  /** By their numbers in the archive. */
  readonly layers: readonly string[];
  /** Below the zone's volume, topmost first. */
  readonly chain: readonly string[];
  readonly snapshots: readonly SnapshotRecord[];
  /** With `restrict`: what a snapshot asked for. */
  readonly leftOut: readonly string[];
}

type Judged = Pick<ZoneRecord, 'spec' | 'image'> & { readonly leftOut: readonly string[] };

/**
 * @param judge what a snapshot may be here, as of the zone itself
 * @param machineId theirs, if not given
 * @throws EXPORT_INVALID; what `judge` throws
 */
export function planHistory(
  { history }: Pick<ExportManifest, 'history'>,
  {
    zone,
    pool,
    machineId,
    judge,
  }: {
    readonly zone: string;
    readonly pool: string;
    readonly machineId?: string | undefined;
    readonly judge: (asked: ExportedSnapshot, spec: ZoneRecord['spec']) => Judged;
  },
): ImportedHistory | undefined {
  if (history === undefined) return undefined;
  const layers = Array.from({ length: history.layers }, newLayerId);
  const idsOf = (chain: readonly number[]) => chain.map((number) => layers[number] ?? '');
  const leftOut = new Set<string>();
  const snapshots = history.snapshots.map((asked): SnapshotRecord => {
    const { chain, machineId: theirs, spec, image: _image, ...plain } = asked;
    const judged = judge(asked, parseExportedSpec(spec));
    for (const field of judged.leftOut) leftOut.add(field);
    return {
      ...plain,
      version: 1,
      id: randomBytes(8).toString('hex'),
      pool,
      layers: idsOf(chain),
      // Nothing is known of the files that it was copied from.
      isCopy: false,
      spec: { ...judged.spec, name: zone },
      image: judged.image,
      machineId: machineId ?? theirs,
    };
  });
  return { layers, chain: idsOf(history.chain), snapshots, leftOut: [...leftOut] };
}

/** Journaled before the layers are there. */
export function planLayers(
  { roots }: HostContext,
  { pool }: ZoneVolume,
  history: ImportedHistory | undefined,
): StorageOp[] {
  return (history?.layers ?? []).map((layer) => ({ op: 'storage.layer', roots, pool, layer }));
}

/** Where the layers are unpacked to. @param bytes all together, at most @throws RESOURCE_DISK_FULL */
export async function beginLayers(
  { pool }: ZoneVolume,
  history: ImportedHistory | undefined,
  bytes: number,
): Promise<ArchivePart[]> {
  const parts: ArchivePart[] = [];
  for (const [number, layer] of (history?.layers ?? []).entries()) {
    const directory = await layerDriverOf(pool).beginLayer(pool, layer, bytes);
    parts.push({ name: `layers/${number}`, directories: [directory] });
  }
  return parts;
}

/** Of sparse zones: what their snapshots have of /usr/local, in the zone's own directory. */
export function localParts(
  { roots }: HostContext,
  zone: string,
  history: ImportedHistory | undefined,
): { readonly name: string; readonly directory: string }[] {
  return (history?.snapshots ?? []).flatMap((snapshot, index) =>
    snapshot.hasLocal ? [{ name: `locals/${index}`, directory: `${extrasOf(roots, zone, snapshot)}/local/tree` }] : [],
  );
}

/** Before the zone's own record: with that, they are there. */
export async function endHistory(
  { roots }: HostContext,
  zone: string,
  { pool }: ZoneVolume,
  history: ImportedHistory | undefined,
): Promise<void> {
  for (const layer of history?.layers ?? []) await layerDriverOf(pool).endLayer(pool, layer);
  for (const snapshot of history?.snapshots ?? []) await writeSnapshot(roots, zone, snapshot);
}
