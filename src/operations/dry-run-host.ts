/** `--dry-run` of what is done to all of the host: `boot` and `doctor --fix`. Nothing is changed. */
import { ZoneError } from '../errors/index.js';
import { type HostFacts, lowSysctls, requireRoot, sysctlFile } from '../host/index.js';
import { formatPort } from '../spec/index.js';
import { readRunning, readSparePools, scanZones, strayIds, zonePaths } from '../state/index.js';
import { wantsBoot } from './boot-zones.js';
import type { DoctorOptions } from './doctor.js';
import { dryRunStart } from './dry-run.js';
import { dryRunSpareFill } from './dry-run-spare.js';
import { type DryRun, hostSteps, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { findRemains } from './remains.js';
import { missingPorts } from './restore-networks.js';

/** A plan for each zone that would be started; of one that cannot be, a note says why. Zones start side by side. */
export async function dryRunBoot(host: HostContext): Promise<DryRun[]> {
  const { roots } = host;
  const remains = await findRemains(roots);
  const { records, unreadable } = await scanZones(roots);
  const ops = remains.map((zone) => ({ op: 'state.remove', path: zonePaths(roots, zone).directory }));
  const removed = ops.length === 0 ? [] : [{ operation: 'boot', name: 'remains', steps: hostSteps('prepare', ops) }];
  const bad = unreadable.filter(({ name }) => !remains.includes(name)).map(({ name, error }) => failed(name, error));
  const started: DryRun[] = [];
  for (const { spec } of records.filter(wantsBoot)) {
    if ((await readRunning(roots, spec.name)) !== undefined) continue;
    started.push(await planned(spec.name, () => dryRunStart(host, spec.name)));
  }
  const hasSpares = Object.keys(await readSparePools(roots)).length > 0;
  const filled = hasSpares ? [await planned('spares', () => dryRunSpareFill(host))] : [];
  return [...removed, ...bad, ...started, ...filled];
}

async function planned(name: string, plan: () => Promise<DryRun>): Promise<DryRun> {
  try {
    return { ...(await plan()), operation: 'boot', name };
  } catch (error) {
    if (!(error instanceof ZoneError)) throw error;
    return failed(name, error);
  }
}

const failed = (name: string, { message }: ZoneError): DryRun => ({
  operation: 'boot',
  name,
  steps: [],
  notes: [`this fails: ${message}`],
});

/** @param open the host, where it has zones @throws NOT_ROOT */
export async function dryRunDoctorFix(
  facts: HostFacts,
  { sysctl, ids }: Pick<DoctorOptions, 'sysctl' | 'ids'>,
  open: (() => Promise<HostContext>) | undefined,
): Promise<DryRun> {
  requireRoot(facts, 'tszone doctor --fix');
  const low = await lowSysctls(sysctl?.prefix);
  const file = low.length === 0 ? [] : [plainStep('sysctl.save', `write ${sysctl?.file ?? sysctlFile}`)];
  const raised = low
    .toReversed()
    .map(({ key, from, to }) => plainStep('sysctl.raise', `raise ${key} from ${from} to ${to}`));
  const freed = (await strayIds(ids)).map(({ root, zone, base }) =>
    plainStep('state.ids-release', `free user ids ${base}… of zone ${zone} of ${root}, which is gone`),
  );
  const missing = open === undefined ? [] : await missingPorts(await open());
  const ports = missing.flatMap(({ zone, ops }) =>
    ops.map((op) => ({ ...plainStep(op.op, `publish ${formatPort(op)} of zone ${zone} again`), op })),
  );
  return { operation: 'doctor --fix', name: 'this host', steps: [...file, ...raised, ...freed, ...ports] };
}
