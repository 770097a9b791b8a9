/** `kill`, `pause`, `resume`. */
import { freezeZone, isZoneFrozen, thawZone, zonePids } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { sendSignal } from '../helper/index.js';
import { readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { groupsOf, requireRunning } from './zone-ref.js';

/** To pid 1, or with `all` to every process of the zone. @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING */
export async function killZone(
  host: HostContext,
  name: string,
  { signal, all = false }: { readonly signal: number; readonly all?: boolean },
): Promise<void> {
  await readZone(host.roots, name);
  await requireRunning(host, name);
  if (!all) return sendSignal(zonePaths(host.roots, name).monitorSocket, signal);
  for (const pid of await zonePids(groupsOf(host, name))) signalIfThere(pid, signal);
}

function signalIfThere(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Nothing in the zone runs until `resume`. @throws ZONE_NOT_RUNNING, ZONE_STATE if it is paused already */
export async function pauseZone(host: HostContext, name: string, options: OperationOptions = {}): Promise<void> {
  await using _lock = await lockZone(host, name, options);
  await requirePausable(host, name);
  await freezeZone(groupsOf(host, name));
}

/** @throws ZONE_NOT_RUNNING, ZONE_STATE if it is not paused */
export async function resumeZone(host: HostContext, name: string, options: OperationOptions = {}): Promise<void> {
  await using _lock = await lockZone(host, name, options);
  await requirePaused(host, name);
  await thawZone(groupsOf(host, name));
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE it is paused already */
export async function requirePausable(host: HostContext, name: string): Promise<void> {
  await readZone(host.roots, name);
  await requireRunning(host, name);
  if (await isZoneFrozen(groupsOf(host, name))) throw stateError(name, 'is paused already', `tszone resume ${name}`);
}

/** @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE it is not paused */
export async function requirePaused(host: HostContext, name: string): Promise<void> {
  await readZone(host.roots, name);
  await requireRunning(host, name);
  if (!(await isZoneFrozen(groupsOf(host, name)))) throw stateError(name, 'is not paused', `tszone pause ${name}`);
}

function stateError(name: string, what: string, command: string): Error {
  return zoneError('ZONE_STATE', `zone "${name}" ${what}`, {
    hint: `See "tszone status ${name}", or run "${command}".`,
    context: { zone: name },
  });
}
