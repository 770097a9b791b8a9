/** `--dry-run` of what reads all of a zone: `export` and `publish`. Nothing is changed. */
import { resolve } from 'node:path';
import { listImages } from '../images/index.js';
import { requireSnapshotRef, type SnapshotRef } from '../spec/index.js';
import { readSnapshot, readSnapshots, readZone, scanZones, type ZoneRecord } from '../state/index.js';
import { driverOf } from '../storage/index.js';
import { checkArchiveTarget } from './archive-target.js';
import { zstdPath } from './archive-tool.js';
import { dueSteps } from './dry-run-freeze.js';
import { settleSteps } from './dry-run-launch.js';
import { type DryRun, type DryStep, hostSteps, plainStep } from './dry-run-step.js';
import { checkExport, type ExportOptions } from './export-zone.js';
import { newLayerId } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import { unusedLayers } from './image-store.js';
import { becomesOneLayer, checkPublish, type PublishOptions } from './publish-zone.js';
import { isZoneRunning } from './zone-parts.js';
import { findPoolOf, planOpen, volumeOf } from './zone-storage.js';

/** @throws as `exportZone`, but for what is found out only by doing it: a disk that is full */
export async function dryRunExport(host: HostContext, options: ExportOptions): Promise<DryRun> {
  const ref = checkExport(options);
  const { open } = await previewParts(host, ref, options.snapshots === true);
  zstdPath();
  const { zone, target } = options;
  const along = options.snapshots === true ? await snapshotsAlong(host, ref.zone) : '';
  const write = plainStep('archive.write', `write zone ${zone}${along} to ${await placeOf(target, options)}`);
  return { operation: 'export', name: zone, steps: [...open, write] };
}

async function placeOf(target: string | number, { force }: ExportOptions): Promise<string> {
  if (typeof target === 'number') return target === 1 ? 'standard output' : `descriptor ${target}`;
  const found = await checkArchiveTarget(target, force === true);
  return `${resolve(target)}${found === 'file' ? ', which is replaced' : ''}`;
}

async function snapshotsAlong({ roots }: HostContext, zone: string): Promise<string> {
  return ` and ${(await readSnapshots(roots, zone)).length} snapshots`;
}

/** @throws as `publishZone`, but for what is found out only by doing it: a disk that is full */
export async function dryRunPublish(host: HostContext, options: PublishOptions): Promise<DryRun> {
  const { roots } = host;
  const { zone } = options;
  const { name } = await checkPublish(roots, options);
  const { record, open } = await previewParts(host, requireSnapshotRef(zone), false);
  const frozen = record.storage?.layers ?? [];
  const isOne = becomesOneLayer(record, frozen.length + record.image.layers.length);
  const what = isOne ? `all that zone ${zone} is made of` : `what zone ${zone} has written`;
  const below = isOne ? [] : record.image.layers;
  const on = below.length === 0 ? '' : `, on top of ${below.length} of image ${record.image.name}`;
  const steps = [
    ...open,
    plainStep('layer.unpack', `make a layer of ${what}${on}`),
    ...(await listSteps(host, name, below)),
  ];
  return { operation: 'publish', name, steps };
}

/** The image is listed, and what only the one had that it replaces goes. @param layers those that are there already */
export async function listSteps({ roots }: HostContext, name: string, layers: readonly string[]): Promise<DryStep[]> {
  const images = await listImages(roots);
  const isReplaced = images.some((image) => image.name === name);
  const list = plainStep('image.list', `list image ${name}${isReplaced ? ', in place of the one that is there' : ''}`);
  if ((await scanZones(roots)).unreadable.length > 0) return [list];
  const others = images.filter((image) => image.name !== name);
  return [list, ...(await unusedLayers(roots, [...others, { layers: [...layers] }])).map(removalOf)];
}

export const removalOf = (digest: string): DryStep => ({
  phase: 'prepare',
  op: { op: 'layer.remove', digest } as { op: string },
  text: `remove layer ${digest}`,
});

interface PartsPreview {
  /** Of the zone, or as it was at the snapshot. */
  readonly record: ZoneRecord;
  /** What has to be mounted to be looked into, and is unmounted afterwards. */
  readonly open: readonly DryStep[];
}

/** @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND */
export async function previewParts(
  host: HostContext,
  { zone, snapshot }: SnapshotRef,
  withSnapshots: boolean,
): Promise<PartsPreview> {
  const { roots } = host;
  const record = await readZone(roots, zone);
  if (snapshot !== undefined) {
    const { image, pool, layers } = await readSnapshot(roots, zone, snapshot);
    const made = { ...record, image, storage: { pool, volume: '', layers } };
    return { record: made, open: await openSteps(host, pool, [layers]) };
  }
  const ops = planOpen(await volumeOf(roots, record)).prepare;
  const isRunning = await isZoneRunning(host, zone);
  const isOpened = ops.length > 0 && !isRunning;
  const settled = !isRunning && (isOpened || withSnapshots) ? await settleSteps(host, zone) : [];
  const due = isRunning ? [] : dueSteps(record, ops);
  const open = isOpened ? hostSteps('prepare', ops) : [];
  const past = withSnapshots ? await historySteps(host, record) : [];
  return { record, open: [...settled, ...due, ...open, ...past] };
}

/** Of each pool that its snapshots are in, what has to be mounted. */
async function historySteps(host: HostContext, record: ZoneRecord): Promise<DryStep[]> {
  const { pool, layers } = await volumeOf(host.roots, record);
  const chains = [{ pool: pool.name, layers }, ...(await readSnapshots(host.roots, record.spec.name))];
  const pools = [...new Set(chains.map((one) => one.pool))];
  const opened = pools.map((name) => {
    const own = chains.filter((one) => one.pool === name).map((one) => one.layers);
    return openSteps(host, name, own);
  });
  return (await Promise.all(opened)).flat();
}

/** What has to be mounted for these layers to be looked into. */
export async function openSteps(
  { roots }: HostContext,
  name: string,
  chains: readonly (readonly string[])[],
): Promise<DryStep[]> {
  const pool = await findPoolOf(roots, name);
  const layers = [...new Set(chains.flat())];
  if (!driverOf(pool).needsOpen(pool)) return [];
  return hostSteps('prepare', [{ op: 'storage.open', pool, id: newLayerId(), layers } as { op: string }]);
}
