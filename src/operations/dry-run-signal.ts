/** `--dry-run` of `kill`, `pause` and `resume`. Nothing is changed. */
import { zonePids } from '../cgroups/index.js';
import { readZone } from '../state/index.js';
import { type DryRun, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { requirePausable, requirePaused } from './signal-zone.js';
import { groupsOf, requireRunning } from './zone-ref.js';

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING */
export async function dryRunKill(
  host: HostContext,
  name: string,
  { signal, all = false }: { readonly signal: number; readonly all?: boolean },
): Promise<DryRun> {
  await readZone(host.roots, name);
  const { pid } = await requireRunning(host, name);
  const pids = all ? await zonePids(groupsOf(host, name)) : [pid];
  const steps = pids.map((one) => plainStep('process.signal', `send signal ${signal} to process ${one}`));
  return { operation: 'kill', name, steps };
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE */
export async function dryRunPause(host: HostContext, name: string): Promise<DryRun> {
  await requirePausable(host, name);
  return { operation: 'pause', name, steps: [plainStep('cgroup.freeze', `freeze all processes of zone ${name}`)] };
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE */
export async function dryRunResume(host: HostContext, name: string): Promise<DryRun> {
  await requirePaused(host, name);
  return { operation: 'resume', name, steps: [plainStep('cgroup.thaw', `let all processes of zone ${name} go on`)] };
}
