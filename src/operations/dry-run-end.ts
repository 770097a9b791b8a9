/** `--dry-run` of `stop`, `restart` and `delete`. Nothing is changed. */
import type { HostOp } from '../plan/index.js';
import { readRunning, readZone, type ZoneRecord } from '../state/index.js';
import {
  findForDelete,
  missingNote,
  nearestZone,
  planWholeDelete,
  refuseMounted,
  refuseRunning,
  requireDeletable,
} from './delete-zone.js';
import { endSteps, startSteps } from './dry-run-launch.js';
import { type DryRun, type DryStep, hostSteps } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { requireStoppable } from './stop-zone.js';

interface Forced {
  /** It is killed at once. */
  readonly force?: boolean;
}

/** What is stopped takes no step but to be recorded as such. @throws ZONE_NOT_FOUND, ZONE_PROTECTED */
export async function dryRunStop(host: HostContext, name: string, options: Forced = {}): Promise<DryRun> {
  const record = await readZone(host.roots, name);
  return { operation: 'stop', name, steps: await stopSteps(host, record, options) };
}

/** @throws ZONE_NOT_FOUND, ZONE_PROTECTED, and what planning a start throws */
export async function dryRunRestart(host: HostContext, name: string, options: Forced = {}): Promise<DryRun> {
  return { operation: 'restart', name, steps: await restartSteps(host, await readZone(host.roots, name), options) };
}

/** What is not there takes no step. @throws ZONE_RUNNING and ZONE_HAS_SNAPSHOTS without force, ZONE_PROTECTED, ZONE_STATE */
export async function dryRunDelete(host: HostContext, name: string, options: Forced = {}): Promise<DryRun> {
  const { roots } = host;
  const operation = 'delete';
  const record = await findForDelete(roots, name, options);
  if (record === undefined)
    return { operation, name, steps: [], notes: [missingNote(name, await nearestZone(roots, name))] };
  if (record !== 'corrupt') {
    await requireDeletable(roots, record, options);
    if ((await readRunning(roots, name)) !== undefined) refuseRunning(name, options);
  }
  const ended = await endSteps(host, name);
  await refuseMounted(roots, name);
  return { operation, name, steps: [...ended, ...hostSteps('prepare', await planWholeDelete(roots, name))] };
}

/** With the record as it would be by then. */
export async function restartSteps(host: HostContext, record: ZoneRecord, options: Forced = {}): Promise<DryStep[]> {
  return [...(await stopSteps(host, record, options)), ...(await startSteps(host, record))];
}

async function stopSteps(host: HostContext, record: ZoneRecord, options: Forced): Promise<DryStep[]> {
  requireStoppable(record);
  const { name } = record.spec;
  const op: HostOp = { op: 'state.zone-stopped', roots: host.roots, zone: name };
  const recorded = record.stoppedByUser ? [] : hostSteps('undo', [op]);
  return [...(await endSteps(host, name, options.force === true ? undefined : record)), ...recorded];
}
