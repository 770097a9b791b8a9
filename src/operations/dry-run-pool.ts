/** `--dry-run` of the verbs on pools. Nothing is changed. */
import { type DryRun, hostSteps } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { type PoolCreateOptions, planPoolCreate } from './pool-create.js';
import { planPoolDelete, requireDeletable } from './pool-delete.js';
import { planPoolGrow } from './pool-grow.js';
import { findPoolOf } from './zone-storage.js';

/** @throws as `pool create` */
export async function dryRunPoolCreate(host: HostContext, input: PoolCreateOptions): Promise<DryRun> {
  const { ops } = await planPoolCreate(host, input);
  return { operation: 'pool create', name: input.name, steps: hostSteps('prepare', ops) };
}

/** What is not there takes no step. @throws POOL_IN_USE */
export async function dryRunPoolDelete(host: HostContext, name: string): Promise<DryRun> {
  const record = await requireDeletable(host, name);
  if (record === undefined) return { operation: 'pool delete', name, steps: [] };
  const { close, remove } = planPoolDelete(host, record);
  return { operation: 'pool delete', name, steps: hostSteps('prepare', [...close, ...remove]) };
}

/** @throws POOL_NOT_FOUND, POOL_CANNOT */
export async function dryRunPoolGrow(host: HostContext, name: string, sizeBytes: number): Promise<DryRun> {
  const ops = planPoolGrow(await findPoolOf(host.roots, name), sizeBytes);
  return { operation: 'pool grow', name, steps: hostSteps('prepare', ops) };
}
