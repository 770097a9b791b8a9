/** `--dry-run` of `create`, `run`, `start` and `prepare`: what they would do, as data and in words; nothing is changed. */
import { zoneError } from '../errors/index.js';
import { findImage } from '../images/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import { findZone, type IdRange, readRunning, readZone, type ZoneImage, type ZoneRecord } from '../state/index.js';
import { settleSteps, startSteps } from './dry-run-launch.js';
import { makingSteps } from './dry-run-lease.js';
import { type DryRun, type DryStep, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import type { StartOptions } from './launch-plan.js';
import { newZoneRecord, planCreate, withDefaults } from './make-zone.js';
import { findPrepared } from './prepare-zone.js';
import { nameZone, type RunInput } from './run-input.js';
import { checkZoneFeasible } from './zone-files.js';
import { zoneImageOf } from './zone-image.js';
import { zoneRunningError } from './zone-ref.js';
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
export async function dryRunStart(host: HostContext, name: string): Promise<DryRun> {
  const record = await readStartable(host, name);
  const prepared = await findPrepared(host, record);
  const steps =
    prepared === undefined
      ? [...(await settleSteps(host, name)), ...(await startSteps(host, record))]
      : [plainStep('zone.go', `let process ${prepared} of zone ${name} go`)];
  return { operation: 'start', name, steps };
}

/** One that is prepared as it now is takes no step. @throws as `dryRunStart` */
export async function dryRunPrepare(host: HostContext, name: string): Promise<DryRun> {
  const record = await readStartable(host, name);
  const isDone = (await findPrepared(host, record)) !== undefined;
  const steps = isDone ? [] : [...(await settleSteps(host, name)), ...(await startSteps(host, record, { hold: true }))];
  return { operation: 'prepare', name, steps };
}

async function readStartable({ roots }: HostContext, name: string): Promise<ZoneRecord> {
  const record = await readZone(roots, name);
  if ((await readRunning(roots, name)) !== undefined) throw zoneRunningError(name);
  return record;
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
