/** `--dry-run`: what a verb would do, as data and in words; nothing is changed. */
import { zoneError } from '../errors/index.js';
import { argumentsOf, type EnterOp } from '../helper/index.js';
import { findImage } from '../images/index.js';
import { describeHostOp, type ZonePlan } from '../plan/index.js';
import { type HostOpBase, parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import { findZone, previewIds, readRunning, readZone, type ZoneImage, type ZoneRecord } from '../state/index.js';
import { planDelete } from './delete-zone.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import type { StartOptions } from './launch-plan.js';
import { newZoneRecord, planCreate } from './make-zone.js';
import { nameZone, type RunInput } from './run-input.js';
import { planZoneStart } from './start-zone.js';
import { checkZoneFeasible } from './zone-files.js';
import { zoneImageOf } from './zone-image.js';
import { previewInterfaces } from './zone-network.js';
import { readLaunch, requireRunning, zoneRunningError } from './zone-ref.js';
import { volumeOf } from './zone-storage.js';

export interface DryRun {
  /** The verb: `create`, `network delete`. */
  readonly operation: string;
  /** What it would be done to: a zone, a network, an image. */
  readonly name: string;
  readonly steps: readonly DryStep[];
  /** Of set and unset: settings that would hold only after a restart. */
  readonly needsRestart?: readonly string[];
}

export interface DryStep {
  /** prepare: on the host, before the launch · attach: on the host, with the zone's pid · enter: by the helper · undo: taken back */
  readonly phase: 'prepare' | 'attach' | 'enter' | 'undo';
  readonly op: HostOpBase | EnterOp;
  /** One line for people. */
  readonly text: string;
}

/** The image has to be there: building one is not planned. @throws as create does, IMAGE_NOT_FOUND */
export async function dryRunCreate(host: HostContext, input: ZoneOptions): Promise<DryRun> {
  const { spec, image } = await requireCreatable(host, input);
  return { operation: 'create', name: spec.name, steps: await createSteps(host, newZoneRecord(spec, image)) };
}

/** @throws as `dryRunCreate`, and what planning a start throws */
export async function dryRunRun(
  host: HostContext,
  input: RunInput,
  options: Pick<StartOptions, 'stdio' | 'winsize'> = {},
): Promise<DryRun> {
  const { spec, image } = await requireCreatable(host, nameZone(input));
  const record = { ...newZoneRecord(spec, image), ids: await previewIds(host.roots, spec.name, { ids: spec }) };
  const create = await createSteps(host, record);
  return { operation: 'run', name: spec.name, steps: [...create, ...(await startSteps(host, record, options))] };
}

async function createSteps(host: HostContext, record: Omit<ZoneRecord, 'ids'>): Promise<DryStep[]> {
  return hostSteps('prepare', planCreate(host, record, await volumeOf(host.roots, record)));
}

/** @throws ZONE_NOT_FOUND, ZONE_RUNNING, and what planning a start throws */
export async function dryRunStart(
  host: HostContext,
  name: string,
  options: Pick<StartOptions, 'hold'> = {},
): Promise<DryRun> {
  const record = await readZone(host.roots, name);
  if ((await readRunning(host.roots, name)) !== undefined) throw zoneRunningError(name);
  const operation = options.hold === true ? 'prepare' : 'start';
  return { operation, name, steps: await startSteps(host, record, options) };
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING */
export async function dryRunStop(host: HostContext, name: string): Promise<DryRun> {
  await readZone(host.roots, name);
  await requireRunning(host, name);
  return { operation: 'stop', name, steps: await stopSteps(host, name) };
}

/** @throws ZONE_NOT_FOUND, and what planning a start throws */
export async function dryRunRestart(host: HostContext, name: string): Promise<DryRun> {
  return { operation: 'restart', name, steps: await restartSteps(host, await readZone(host.roots, name)) };
}

/** @throws ZONE_NOT_FOUND */
export async function dryRunDelete(host: HostContext, name: string): Promise<DryRun> {
  const place = await volumeOf(host.roots, await readZone(host.roots, name));
  return {
    operation: 'delete',
    name,
    steps: hostSteps('prepare', planDelete(host.roots, name, place)),
  };
}

async function requireCreatable(host: HostContext, input: ZoneOptions): Promise<{ spec: ZoneSpec; image: ZoneImage }> {
  const spec = parseZoneOptions(input);
  if ((await findZone(host.roots, spec.name)) !== undefined) {
    throw zoneError('ZONE_EXISTS', `zone "${spec.name}" exists already`, {
      hint: 'Choose another name.',
      context: { zone: spec.name },
    });
  }
  const { name } = await resolveImageName(spec.image);
  const found = await findImage(host.roots, name);
  if (found === undefined) {
    throw zoneError('IMAGE_NOT_FOUND', `image "${name}" is not there yet, so that nothing can be planned with it`, {
      hint: `Run "tszone image ${spec.image.includes('/') ? 'pull' : 'build'} ${spec.image}" first.`,
      context: { image: name },
    });
  }
  const image = zoneImageOf(found);
  await checkZoneFeasible(host, spec, image);
  return { spec, image };
}

async function startSteps(host: HostContext, record: ZoneRecord, options: StartOptions = {}): Promise<DryStep[]> {
  const plan: ZonePlan = await planZoneStart(host, record, { ...options, interfaceSource: previewInterfaces() });
  const enter = plan.enter.map(
    (op) => ({ phase: 'enter', op, text: [op.op, ...argumentsOf(op).map(shown)].join(' ') }) as const,
  );
  // The pid is not known before there is a process; 0 stands for it.
  return [...hostSteps('prepare', plan.prepare), ...enter, ...hostSteps('attach', plan.attach)];
}

/** Of what no op stands for. */
export const plainStep = (op: string, text: string): DryStep => ({ phase: 'prepare', op: { op }, text });

export async function stopSteps({ roots }: HostContext, zone: string): Promise<DryStep[]> {
  const prepared = (await readLaunch(roots, zone))?.prepared ?? [];
  return hostSteps('undo', [...prepared].reverse());
}

/** With the record as it would be by then. */
export async function restartSteps(host: HostContext, record: ZoneRecord): Promise<DryStep[]> {
  const { name } = record.spec;
  const isRunning = (await readRunning(host.roots, name)) !== undefined;
  const stop = isRunning ? await stopSteps(host, name) : [];
  return [...stop, ...(await startSteps(host, record))];
}

export function hostSteps(phase: DryStep['phase'], ops: readonly HostOpBase[]): DryStep[] {
  return ops.map((op) => ({ phase, op, text: describeHostOp(op) }));
}

/** Long arguments (netlink messages, files) are cut; the data has them in full. */
function shown(argument: string): string {
  const short = argument.length > 60 ? `${argument.slice(0, 57)}…` : argument;
  return /^[\w./:=,@+-]+$/.test(short) ? short : JSON.stringify(short);
}
