/** `--dry-run` of the verbs on snapshots. Nothing is changed. */
import { readSnapshots, readZone, type ZoneRecord, zoneNames } from '../state/index.js';
import { namedLayers } from '../storage/index.js';
import { localSteps, previewFreeze } from './dry-run-freeze.js';
import { endSteps, startSteps } from './dry-run-launch.js';
import { type DryRun, type DryStep, hostSteps, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { checkNewSnapshot, type SnapshotInput } from './snapshot-create.js';
import { planRemoveSnapshots } from './snapshot-delete.js';
import { placeOfView } from './snapshot-mount.js';
import { expiredOf, unusedLayers } from './snapshot-prune.js';
import { planRestore, requireRestorable } from './snapshot-restore.js';

type Ref = { readonly zone: string; readonly snapshot: string };

/** @throws ZONE_NOT_FOUND, SNAPSHOT_EXISTS, ZONE_STATE, USAGE_BAD_ARGUMENT */
export async function dryRunSnapshotCreate(host: HostContext, zone: string, input: SnapshotInput): Promise<DryRun> {
  const record = await readZone(host.roots, zone);
  const name = await checkNewSnapshot(host, record, input.name);
  const named = plainStep('state.snapshot-write', `record snapshot ${zone}@${name}`);
  const expired = await expiredSteps(host, record);
  const { steps, behind } = await previewFreeze(host, record);
  return {
    operation: 'snapshot create',
    name: `${zone}@${name}`,
    steps: [...steps, ...localSteps(record), named, ...expired, ...behind],
  };
}

/** @throws SNAPSHOT_NOT_FOUND, ZONE_RUNNING, ZONE_STATE */
export async function dryRunSnapshotRestore(host: HostContext, ref: Ref, force: boolean): Promise<DryRun> {
  const record = await readZone(host.roots, ref.zone);
  const { place, wanted, runs } = await requireRestorable(host, record, ref.snapshot, force);
  const stop = runs ? await endSteps(host, ref.zone, record) : [];
  const ops = hostSteps('prepare', await planRestore(host.roots, record, place, wanted));
  const { spec, image, machineId } = wanted;
  const then = { ...record, spec: { ...spec, name: ref.zone }, image, machineId };
  const start = runs ? await startSteps(host, then) : [];
  return { operation: 'snapshot restore', name: `${ref.zone}@${ref.snapshot}`, steps: [...stop, ...ops, ...start] };
}

/** What is not there takes no step. @throws ZONE_NOT_FOUND */
export async function dryRunSnapshotDelete({ roots }: HostContext, { zone, snapshot }: Ref): Promise<DryRun> {
  await readZone(roots, zone);
  const found = (await readSnapshots(roots, zone)).filter(({ name }) => name === snapshot);
  const ops = found.length === 0 ? [] : await planRemoveSnapshots(roots, zone, found);
  return { operation: 'snapshot delete', name: `${zone}@${snapshot}`, steps: hostSteps('prepare', ops) };
}

/** @throws ZONE_NOT_FOUND */
export async function dryRunSnapshotPrune(host: HostContext, zone: string | undefined): Promise<DryRun> {
  const { roots } = host;
  const zones = zone === undefined ? await zoneNames(roots) : [zone];
  const steps: DryStep[] = [];
  for (const name of zones) steps.push(...(await expiredSteps(host, await readZone(roots, name))));
  if (zone === undefined) steps.push(...(await unnamedSteps(host)));
  return { operation: 'snapshot prune', name: zone ?? 'all zones', steps };
}

/** @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND, PATH_NOT_FOUND */
export async function dryRunSnapshotMount(host: HostContext, ref: Ref, at: string | undefined): Promise<DryRun> {
  const { path, isMounted } = await placeOfView(host, ref, at);
  const name = `${ref.zone}@${ref.snapshot}`;
  const steps = isMounted ? [] : [plainStep('snapshot.mount', `mount ${name} at ${path}, read-only`)];
  return { operation: 'snapshot mount', name, steps };
}

/** @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND */
export async function dryRunSnapshotUmount(host: HostContext, ref: Ref): Promise<DryRun> {
  const { paths } = await placeOfView(host, ref, undefined);
  const name = `${ref.zone}@${ref.snapshot}`;
  return {
    operation: 'snapshot umount',
    name,
    steps: paths.map((path) => plainStep('snapshot.umount', `unmount ${path}`)),
  };
}

/** Of its snapshots, those whose time is over. */
export async function expiredSteps({ roots }: HostContext, { spec }: ZoneRecord): Promise<DryStep[]> {
  const expired = expiredOf(await readSnapshots(roots, spec.name), spec, Date.now());
  return expired.length === 0 ? [] : hostSteps('prepare', await planRemoveSnapshots(roots, spec.name, expired));
}

async function unnamedSteps({ roots }: HostContext): Promise<DryStep[]> {
  const named = await namedLayers(roots);
  if (named === undefined) return [];
  const unused = await unusedLayers(roots);
  return unused.flatMap(({ pool, layers }) =>
    layers
      .filter((layer) => !named.has(layer))
      .map((layer) => plainStep('layer.remove', `remove layer ${layer} of pool ${pool.name}`)),
  );
}
