/** `--dry-run`: what a verb would do, as data and in words; nothing is changed. */
import { zoneError } from '../errors/index.js';
import { argumentsOf } from '../helper/index.js';
import { findImage } from '../images/index.js';
import type { ZonePlan } from '../plan/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import {
  findZone,
  type IdRange,
  readPrepared,
  readRunning,
  readZone,
  type ZoneImage,
  type ZoneRecord,
} from '../state/index.js';
import { planDelete } from './delete-zone.js';
import { makingSteps } from './dry-run-lease.js';
import { type DryRun, type DryStep, hostSteps } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import type { StartOptions } from './launch-plan.js';
import { newZoneRecord, planCreate, withDefaults } from './make-zone.js';
import { nameZone, type RunInput } from './run-input.js';
import { planZoneStart } from './start-zone.js';
import { checkZoneFeasible } from './zone-files.js';
import { zoneImageOf } from './zone-image.js';
import { previewInterfaces } from './zone-network.js';
import { readLaunch, requireRunning, zoneRunningError } from './zone-ref.js';
import { volumeOf } from './zone-storage.js';

/** The image has to be there: building one is not planned. @throws as create does, IMAGE_NOT_FOUND */
export async function dryRunCreate(host: HostContext, input: ZoneOptions): Promise<DryRun> {
  const { spec, image } = await requireCreatable(host, input);
  const { steps } = await createSteps(host, newZoneRecord(spec, image));
  return { operation: 'create', name: spec.name, steps };
}

/** @throws as `dryRunCreate`, and what planning a start throws */
export async function dryRunRun(
  host: HostContext,
  input: RunInput,
  options: Pick<StartOptions, 'stdio' | 'winsize'> = {},
): Promise<DryRun> {
  const { spec, image } = await requireCreatable(host, nameZone(input));
  const record = newZoneRecord(spec, image);
  const { steps, ids } = await createSteps(host, record);
  const start = await startSteps(host, { ...record, ids }, options);
  return { operation: 'run', name: spec.name, steps: [...steps, ...start] };
}

async function createSteps(
  host: HostContext,
  record: Omit<ZoneRecord, 'ids'>,
): Promise<{ readonly steps: readonly DryStep[]; readonly ids: IdRange }> {
  const ops = planCreate(host, record, await volumeOf(host.roots, record));
  const { network, steps, ids } = await makingSteps(host, record.spec, ops);
  return { steps: [...network, ...steps], ids };
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
  const whole = withDefaults(input, spec, image);
  await checkZoneFeasible(host, whole, image);
  return { spec: whole, image };
}

/** Of a start of the zone that the record says. */
export async function startSteps(
  host: HostContext,
  record: ZoneRecord,
  options: StartOptions = {},
): Promise<DryStep[]> {
  const plan: ZonePlan = await planZoneStart(host, record, { ...options, interfaceSource: previewInterfaces() });
  const enter = plan.enter.map(
    (op) => ({ phase: 'enter', op, text: [op.op, ...argumentsOf(op).map(shown)].join(' ') }) as const,
  );
  // The pid is not known before there is a process; 0 stands for it.
  return [...hostSteps('prepare', plan.prepare), ...enter, ...hostSteps('attach', plan.attach)];
}

export async function stopSteps({ roots }: HostContext, zone: string): Promise<DryStep[]> {
  const prepared = (await readLaunch(roots, zone))?.prepared ?? [];
  return hostSteps('undo', [...prepared].reverse());
}

/** One that is prepared is taken apart by whatever wants a stopped one. */
export async function settleSteps(host: HostContext, zone: string): Promise<DryStep[]> {
  return (await readPrepared(host.roots, zone)) === undefined ? [] : stopSteps(host, zone);
}

/** With the record as it would be by then. */
export async function restartSteps(host: HostContext, record: ZoneRecord): Promise<DryStep[]> {
  const { name } = record.spec;
  const isRunning = (await readRunning(host.roots, name)) !== undefined;
  const stop = isRunning ? await stopSteps(host, name) : [];
  return [...stop, ...(await startSteps(host, record))];
}

/** Long arguments (netlink messages, files) are cut; the data has them in full. */
function shown(argument: string): string {
  const short = argument.length > 60 ? `${argument.slice(0, 57)}…` : argument;
  return /^[\w./:=,@+-]+$/.test(short) ? short : JSON.stringify(short);
}
