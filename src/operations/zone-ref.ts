/** Small views of a zone that several operations share. */
import { withUnified, type ZoneRef } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import type { EntryInfo } from '../plan/index.js';
import type { HostOpBase } from '../spec/index.js';
import { type Roots, type RunningRecord, readJson, readRunning, type Versioned, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import type { ZoneDevice } from './zone-devices.js';

/** Where the zone's groups are. @param hasOwn with that of its init, which no limit is in */
export function groupsOf(host: HostContext, zone: string, hasOwn = false): ZoneRef {
  const { cgroup } = host.facts;
  return { layout: hasOwn ? withUnified(cgroup) : cgroup, instance: host.roots.instance, zone };
}

/** `launch.json`: what the last start prepared, so that it can be taken back, and what exec has to know. */
export interface LaunchRecord extends Versioned {
  readonly version: 1;
  readonly prepared: readonly HostOpBase[];
  /** Of what the zone was when that was planned; a prepared zone that has been changed since is prepared anew. */
  readonly digest?: string | undefined;
  /** What the running zone has been given, also what no record says. */
  readonly devices?: readonly ZoneDevice[] | undefined;
  readonly entry: EntryInfo;
}

export async function readLaunch(roots: Roots, zone: string): Promise<LaunchRecord | undefined> {
  return readJson<LaunchRecord>(zonePaths(roots, zone).launch, 1);
}

/** @throws ZONE_NOT_RUNNING */
export async function requireRunning(host: HostContext, zone: string): Promise<RunningRecord> {
  const running = await readRunning(host.roots, zone);
  if (running !== undefined) return running;
  throw zoneError('ZONE_NOT_RUNNING', `zone "${zone}" is not running`, {
    hint: `Run "tszone start ${zone}" first.`,
    context: { zone },
  });
}

export function zoneRunningError(zone: string, hint = `Run "tszone stop ${zone}" first.`): Error {
  return zoneError('ZONE_RUNNING', `zone "${zone}" is running`, { hint, context: { zone } });
}
