/** `--dry-run`: what create, start, stop and delete would do, as data and in words; nothing is changed. */
import { zoneError } from '../errors/index.js';
import { argumentsOf, type EnterOp } from '../helper/index.js';
import { findImage } from '../images/index.js';
import { describeHostOp } from '../plan/index.js';
import { type HostOpBase, parseZoneOptions, type ZoneOptions } from '../spec/index.js';
import { findZone, readRunning, readZone } from '../state/index.js';
import { planCreate } from './create-zone.js';
import { planDelete } from './delete-zone.js';
import { zoneImageOf } from './ensure-image.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { planZoneStart } from './start-zone.js';
import { checkZoneFeasible } from './zone-files.js';
import { readLaunch, requireRunning, zoneRunningError } from './zone-ref.js';

export interface DryRun {
  readonly operation: 'create' | 'start' | 'stop' | 'delete';
  readonly zone: string;
  readonly steps: readonly DryStep[];
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
      hint: `Run "tszone image build ${spec.image}" first.`,
      context: { image: name },
    });
  }
  const image = zoneImageOf(found);
  await checkZoneFeasible(host, spec, image);
  return { operation: 'create', zone: spec.name, steps: hostSteps('prepare', planCreate(host, spec, image)) };
}

/** @throws ZONE_NOT_FOUND, ZONE_RUNNING, and what planning a start throws */
export async function dryRunStart(host: HostContext, zone: string): Promise<DryRun> {
  const record = await readZone(host.roots, zone);
  if ((await readRunning(host.roots, zone)) !== undefined) throw zoneRunningError(zone);
  const plan = await planZoneStart(host, record);
  const enter = plan.enter.map(
    (op) => ({ phase: 'enter', op, text: [op.op, ...argumentsOf(op).map(shown)].join(' ') }) as const,
  );
  // The pid is not known before there is a process; 0 stands for it.
  const steps = [...hostSteps('prepare', plan.prepare), ...enter, ...hostSteps('attach', plan.attach(0))];
  return { operation: 'start', zone, steps };
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING */
export async function dryRunStop(host: HostContext, zone: string): Promise<DryRun> {
  await readZone(host.roots, zone);
  await requireRunning(host, zone);
  const prepared = (await readLaunch(host.roots, zone))?.prepared ?? [];
  return { operation: 'stop', zone, steps: hostSteps('undo', [...prepared].reverse()) };
}

/** @throws ZONE_NOT_FOUND */
export async function dryRunDelete(host: HostContext, zone: string): Promise<DryRun> {
  await readZone(host.roots, zone);
  return { operation: 'delete', zone, steps: hostSteps('prepare', planDelete(host.roots, zone)) };
}

function hostSteps(phase: DryStep['phase'], ops: readonly HostOpBase[]): DryStep[] {
  return ops.map((op) => ({ phase, op, text: describeHostOp(op) }));
}

/** Long arguments (netlink messages, files) are cut; the data has them in full. */
function shown(argument: string): string {
  const short = argument.length > 60 ? `${argument.slice(0, 57)}…` : argument;
  return /^[\w./:=,@+-]+$/.test(short) ? short : JSON.stringify(short);
}
