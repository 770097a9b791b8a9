/** `--dry-run` of verbs that change what is there: settings, names, ports, networks, images. Nothing is changed. */
import { findImage, listImages } from '../images/index.js';
import { addNetwork, planNetwork, requireUnused } from '../netif/index.js';
import type { PortSpec, ZoneSpec } from '../spec/index.js';
import { type NetworkRecord, readNetworks, readRunning, readZone } from '../state/index.js';
import { restartSteps } from './dry-run-end.js';
import { type DryRun, type DryStep, hostSteps } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { refuseUsed } from './image-delete.js';
import { resolveImageName } from './image-names.js';
import { unusedLayers } from './image-store.js';
import { checkNetwork, type NetworkCreateOptions } from './network-create.js';
import { addedPorts, planPorts } from './port-add.js';
import { removedPorts } from './port-remove.js';
import { planRename, requireRenamable } from './rename-zone.js';
import { planChange, type SetOptions, type SpecChange } from './set-zone.js';
import { zoneRunningError } from './zone-ref.js';

/** Of set and unset, with `changeOf` and `unsetOf`. @throws as they do */
export async function dryRunSet(
  host: HostContext,
  name: string,
  change: SpecChange,
  { scope = 'both', restart }: SetOptions = {},
): Promise<DryRun> {
  const record = await readZone(host.roots, name);
  const { ops, sysctls, spec, isSaved, needsRestart, volume } = await planChange(host, record, change, scope);
  const again = restart === true && needsRestart.length > 0 ? await restartSteps(host, { ...record, spec }) : [];
  const saved = isSaved ? [savedStep(spec)] : [];
  return {
    operation: 'set',
    name,
    steps: [
      ...hostSteps('prepare', [...(volume?.make ?? []), ...(volume?.finish ?? [])]),
      ...sysctlSteps(sysctls),
      ...hostSteps('prepare', ops),
      ...saved,
      ...again,
    ],
    needsRestart: again.length > 0 ? [] : needsRestart,
  };
}

/** @throws ZONE_NOT_FOUND, ZONE_EXISTS, ZONE_RUNNING, SPEC_INVALID */
export async function dryRunRename({ roots }: HostContext, from: string, to: string): Promise<DryRun> {
  await requireRenamable(roots, from, to);
  if ((await readRunning(roots, from)) !== undefined) throw zoneRunningError(from);
  return { operation: 'rename', name: from, steps: hostSteps('prepare', planRename(roots, from, to)) };
}

/** Whether the host's port is free is seen only when it is taken. @throws as `port add`, but for PORT_IN_USE */
export async function dryRunPortAdd(host: HostContext, name: string, texts: readonly string[]): Promise<DryRun> {
  const record = await readZone(host.roots, name);
  const { fresh, spec } = addedPorts(record.spec, texts);
  const steps = await portSteps(host, { phase: 'prepare', spec: record.spec, ports: fresh });
  return { operation: 'port add', name, steps: [...steps, savedStep(spec)] };
}

/** @throws ZONE_NOT_FOUND, PORT_NOT_FOUND */
export async function dryRunPortRemove(host: HostContext, name: string, texts: readonly string[]): Promise<DryRun> {
  const record = await readZone(host.roots, name);
  const { gone, spec } = removedPorts(record.spec, texts);
  const steps = await portSteps(host, { phase: 'undo', spec: record.spec, ports: gone });
  return { operation: 'port remove', name, steps: [savedStep(spec), ...steps] };
}

/** Its bridge is made when a zone first starts on it: of now there is only the record. @throws as `network create` */
export async function dryRunNetworkCreate({ roots }: HostContext, options: NetworkCreateOptions): Promise<DryRun> {
  checkNetwork(options);
  const [, network] = addNetwork(roots, await readNetworks(roots), options);
  const text = `record network ${network.name}: ${rangesOf(network)}, bridge ${network.bridge}, mtu ${network.mtu}`;
  const step = { phase: 'prepare', op: { op: 'state.network-add', network }, text } as const;
  return { operation: 'network create', name: options.name, steps: [step] };
}

/** What is not there takes no step. @throws NETWORK_IN_USE */
export async function dryRunNetworkDelete({ roots }: HostContext, name: string): Promise<DryRun> {
  const operation = 'network delete';
  const file = await readNetworks(roots);
  if (!file.networks.some((one) => one.name === name)) return { operation, name, steps: [] };
  const network = requireUnused(file, name);
  const isLast = file.networks.length === 1;
  // Forwarding is switched back only with the last network.
  const ops = planNetwork(roots, network).filter(({ op }) => isLast || op !== 'net.forward');
  const forget = {
    phase: 'prepare',
    op: { op: 'state.network-remove', name },
    text: `forget network ${name}`,
  } as const;
  return { operation, name, steps: [...hostSteps('undo', ops.reverse()), forget] };
}

/** What is not there takes no step. @throws IMAGE_IN_USE */
export async function dryRunImageDelete({ roots }: HostContext, reference: string): Promise<DryRun> {
  const operation = 'image delete';
  const { name } = await resolveImageName(reference);
  const image = await findImage(roots, name);
  if (image === undefined) return { operation, name, steps: [] };
  await refuseUsed(roots, image);
  const others = (await listImages(roots)).filter((one) => one.name !== name);
  const unlist = { phase: 'prepare', op: { op: 'image.unlist', name }, text: `unlist image ${name}` } as const;
  return { operation, name, steps: [unlist, ...(await unusedLayers(roots, others)).map(removalOf)] };
}

function removalOf(digest: string): DryStep {
  return { phase: 'prepare', op: { op: 'layer.remove', digest } as { op: string }, text: `remove layer ${digest}` };
}

function sysctlSteps(sysctls: Readonly<Record<string, string>>): DryStep[] {
  return Object.entries(sysctls).map(([key, value]) => ({
    phase: 'enter',
    op: { op: 'sysctl.write', key, value },
    text: `sysctl.write ${key} ${value}`,
  }));
}

function savedStep(spec: ZoneSpec): DryStep {
  const op = { op: 'state.spec-write', spec } as { op: string };
  return { phase: 'prepare', op, text: `save the settings of zone ${spec.name}` };
}

async function portSteps(
  { roots }: HostContext,
  { phase, spec, ports }: { readonly phase: 'prepare' | 'undo'; readonly spec: ZoneSpec; readonly ports: PortSpec[] },
): Promise<DryStep[]> {
  if ((await readRunning(roots, spec.name)) === undefined) return [];
  return hostSteps(phase, await planPorts(roots, spec, ports));
}

function rangesOf({ range4, range6 }: NetworkRecord): string {
  return range6 === undefined ? range4 : `${range4} and ${range6}`;
}
