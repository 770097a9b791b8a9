/** `--dry-run` of `spare set` and `claim`. Nothing is changed. */
import { claimedSpares, readPrepared, readRunning, readSparePools, readySpares, scanZones } from '../state/index.js';
import { dryRunRun } from './dry-run.js';
import { dryRunDelete } from './dry-run-end.js';
import { type DryRun, type DryStep, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { findPool, requirePool, type SpareOptions } from './spares.js';

/** What is to be made is planned once, as all of them are made alike. @throws as `create` does, IMAGE_NOT_FOUND */
export async function dryRunSpareSet(
  host: HostContext,
  image: string,
  { size, options }: { readonly size: number; readonly options: SpareOptions },
): Promise<DryRun> {
  const before = await findPool(host, image);
  const ready = await readyOf(host, image);
  const isSame = JSON.stringify(before?.options) === JSON.stringify({ ...options, image });
  const kept = ready.slice(0, isSame ? size : 0);
  const gone: DryStep[] = [];
  for (const zone of ready.slice(kept.length)) gone.push(...(await dryRunDelete(host, zone)).steps);
  const record = plainStep(
    'state.spares-write',
    size === 0 ? `keep no spares of ${image}` : `keep ${size} spares of ${image}`,
  );
  const missing = size - kept.length;
  const made = missing > 0 ? (await dryRunRun(host, { ...options, image })).steps : [];
  const times = missing > 1 ? [plainStep('spare.make', `${missing} times, each with a name of its own:`)] : [];
  return { operation: 'spare set', name: image, steps: [record, ...gone, ...times, ...made] };
}

/** @throws SPARE_NOT_FOUND; without a spare left, what `run` throws */
export async function dryRunClaim(host: HostContext, image: string): Promise<DryRun> {
  const pool = await requirePool(host, image);
  const [zone] = await readyOf(host, image);
  const fill = plainStep('spare.fill', `prepare another spare of ${image}`);
  if (zone === undefined)
    return { operation: 'claim', name: image, steps: [...(await dryRunRun(host, pool.options)).steps, fill] };
  const go = plainStep('spare.claim', `take spare ${zone} and let it go`);
  return { operation: 'claim', name: image, steps: [go, fill] };
}

/** Of all images; what was claimed by a command that was killed is not looked into. @throws as making a spare does */
export async function dryRunSpareFill(host: HostContext): Promise<DryRun> {
  const { roots } = host;
  const pools = Object.entries(await readSparePools(roots));
  const kept = new Set(await claimedSpares(roots));
  const steps: DryStep[] = [];
  for (const [image, { size, options }] of pools) {
    const ready = await readyOf(host, image);
    for (const zone of ready) kept.add(zone);
    for (const zone of ready.slice(size)) steps.push(...(await dryRunDelete(host, zone)).steps);
    const missing = size - ready.length;
    if (missing <= 0) continue;
    if (missing > 1) steps.push(plainStep('spare.make', `${missing} times, each with a name of its own:`));
    steps.push(...(await dryRunRun(host, options)).steps);
  }
  return { operation: 'spare fill', name: 'all images', steps: [...(await staleSteps(host, kept)), ...steps] };
}

/** Of a killed command, or from before a reboot. */
async function staleSteps(host: HostContext, kept: ReadonlySet<string>): Promise<DryStep[]> {
  const { records } = await scanZones(host.roots);
  const stale = records.filter(({ spec, spareOf }) => spareOf !== undefined && !kept.has(spec.name));
  const steps: DryStep[] = [];
  for (const { spec } of stale) {
    if ((await readRunning(host.roots, spec.name)) !== undefined) continue;
    steps.push(...(await dryRunDelete(host, spec.name)).steps);
  }
  return steps;
}

async function readyOf({ roots }: HostContext, image: string): Promise<string[]> {
  const zones = await readySpares(roots, image);
  const prepared = await Promise.all(zones.map((zone) => readPrepared(roots, zone)));
  return zones.filter((_, index) => prepared[index] !== undefined);
}
