/** What the monitor of a zone with a policy starts when the zone has ended by itself: delete it, start it again, or leave it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findZone, readExit, readRunning, type ZoneRecord, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { isMonitorAlive } from './running-state.js';
import { settleZone } from './settle-zone.js';
import { startZone } from './start-zone.js';
import { lockZone } from './zone-lock.js';

export type ExitDecision = 'deleted' | 'restarted' | 'left';

/** Doubles from 100 ms to one minute. */
export const backoffMs = (restarts: number): number => Math.min(60_000, 100 * 2 ** Math.min(restarts, 10));

/** Whether the policy wants a zone that ended so to be started again. Pure. */
export function wantsRestart({ spec, stoppedByUser, restarts }: ZoneRecord, status: number): boolean {
  const { policy, maxRetries } = spec.restart;
  if (stoppedByUser || policy === 'no') return false;
  if (policy !== 'on-failure') return true;
  return status !== 0 && restarts < (maxRetries ?? Number.POSITIVE_INFINITY);
}

/** Idempotent: a zone that runs again, or is gone, is left as it is. */
export async function handleZoneExit(host: HostContext, name: string): Promise<ExitDecision> {
  await monitorGone(host, name);
  const record = await decideLocked(host, name);
  if (record === 'deleted' || record === undefined) return record ?? 'left';
  await sleep(backoffMs(record.restarts));
  const now = await findZone(host.roots, name);
  if (now === undefined || now.stoppedByUser || (await readRunning(host.roots, name)) !== undefined) return 'left';
  await startZone(host, name, { restarts: record.restarts + 1 });
  return 'restarted';
}

/** Taking the lock works off an ephemeral zone's journal, which is its delete. */
async function decideLocked(host: HostContext, name: string): Promise<ZoneRecord | 'deleted' | undefined> {
  await using _lock = await lockZone(host, name);
  const record = await findZone(host.roots, name);
  if (record === undefined) return 'deleted';
  if (!(await settleZone(host.roots, name))) return undefined;
  const exit = await readExit(host.roots, name);
  return wantsRestart(record, exit?.status ?? 0) ? record : undefined;
}

/** The monitor that started us is about to end. */
async function monitorGone(host: HostContext, name: string): Promise<void> {
  for (
    let attempt = 0;
    attempt < 100 && (await isMonitorAlive(zonePaths(host.roots, name).monitorLock));
    attempt += 1
  ) {
    await sleep(20);
  }
}
