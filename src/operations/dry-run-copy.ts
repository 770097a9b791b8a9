/** `--dry-run` of `cp`. Nothing is changed: what is in the zone is looked at only from inside, and so only when it is done. */
import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isErrno, readRunning, readZone } from '../state/index.js';
import { type CopyInput, copyError, destinationError } from './copy-error.js';
import { checkCopyTarget } from './copy-target.js';
import { settleSteps } from './dry-run-launch.js';
import { type DryRun, type DryStep, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';

/** @throws ZONE_NOT_FOUND, PATH_NOT_FOUND of the host */
export async function dryRunCopyIn(host: HostContext, input: CopyInput): Promise<DryRun> {
  const { zone, zonePath } = input;
  const ends = await zoneSteps(host, zone);
  const source = resolve(input.hostPath);
  await lstat(source).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw copyError({ message: `${source}: no such file or directory`, errno: 'ENOENT' }, input, error);
  });
  return plan(zone, ends, `copy ${source} to ${resolve('/', zonePath)} of zone ${zone}`);
}

/** @throws ZONE_NOT_FOUND, PATH_NOT_FOUND of the host's directory, KERNEL_STEP_FAILED something else is in the way there */
export async function dryRunCopyOut(host: HostContext, input: CopyInput): Promise<DryRun> {
  const { zone, zonePath } = input;
  const ends = await zoneSteps(host, zone);
  const target = resolve(input.hostPath);
  await checkCopyTarget(target).catch((error: unknown) => {
    throw destinationError(error, input);
  });
  return plan(zone, ends, `copy ${resolve('/', zonePath)} of zone ${zone} to ${target}`);
}

const plan = (zone: string, before: readonly DryStep[], text: string): DryRun => ({
  operation: 'cp',
  name: zone,
  steps: [...before, plainStep('files.copy', text)],
});

/** The root of one that is stopped is started for this alone. */
async function zoneSteps(host: HostContext, zone: string): Promise<DryStep[]> {
  await readZone(host.roots, zone);
  if ((await readRunning(host.roots, zone)) !== undefined) return [];
  const text = `start the root of zone ${zone} for as long as it takes, without network`;
  return [...(await settleSteps(host, zone)), plainStep('root.start', text)];
}
