/** What the monitor of a zone with a policy starts when the zone has ended by itself: delete it, start it again, or leave it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ZoneError } from '../errors/index.js';
import {
  findZone,
  type RestartFailure,
  readExit,
  readLastRun,
  readPrepared,
  readRunning,
  writeRunTimeFile,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { launchLocked } from './start-zone.js';
import { lockZone } from './zone-lock.js';

export type ExitDecision = 'deleted' | 'restarted' | 'left';

/** A run of this length was a healthy one: the next end counts as the first. */
export const healthyRunMs = 10_000;

/** Doubles from 100 ms to one minute. */
export const backoffMs = (restarts: number): number => Math.min(60_000, 100 * 2 ** Math.min(restarts, 10));

/** Whether the policy wants a zone that ended so to be started again. Pure. */
export function wantsRestart({ spec, stoppedByUser, restarts }: ZoneRecord, status: number): boolean {
  const { policy, maxRetries } = spec.restart;
  if (stoppedByUser || policy === 'no') return false;
  if (policy !== 'on-failure') return true;
  return status !== 0 && restarts < (maxRetries ?? Number.POSITIVE_INFINITY);
}

/** Idempotent: a zone that runs again, is prepared, or is gone, is left as it is. A restart that fails is tried again, later and later. */
export async function handleZoneExit(host: HostContext, name: string): Promise<ExitDecision> {
  const first = await decide(host, name);
  if (typeof first === 'string') return first;
  for (let restarts = first.restarts; ; restarts += 1) {
    await sleep(backoffMs(restarts));
    const decision = await restart(host, name, restarts + 1);
    if (decision !== undefined) return decision;
  }
}

/** Taking the lock works off an ephemeral zone's journal, which is its delete. */
async function decide(host: HostContext, name: string): Promise<ZoneRecord | ExitDecision> {
  await using _lock = await lockZone(host, name);
  const found = await findZone(host.roots, name);
  if (found === undefined) return 'deleted';
  if (await isPrepared(host, name)) return 'left';
  const ranMs = await lengthOfRun(host, name);
  if (!(await settleZone(host.roots, name))) return 'left';
  const record = ranMs < healthyRunMs ? found : { ...found, restarts: 0 };
  const exit = await readExit(host.roots, name);
  return wantsRestart(record, exit?.status ?? 0) ? record : 'left';
}

/** Since its end somebody has: it waits for a start by a user. */
const isPrepared = async ({ roots }: HostContext, name: string) => (await readPrepared(roots, name)) !== undefined;

async function lengthOfRun({ roots }: HostContext, name: string): Promise<number> {
  const { startedAtMs } = (await readLastRun(roots, name)) ?? {};
  const exit = await readExit(roots, name);
  return startedAtMs === undefined || exit === undefined ? 0 : exit.exitedAtMs - startedAtMs;
}

/** @returns `undefined`: it failed and is to be tried again; `status` shows why */
async function restart(host: HostContext, name: string, restarts: number): Promise<ExitDecision | undefined> {
  try {
    await using _lock = await lockZone(host, name);
    const now = await findZone(host.roots, name);
    if (now === undefined || now.stoppedByUser || (await isPrepared(host, name))) return 'left';
    if ((await readRunning(host.roots, name)) !== undefined) return 'left';
    await launchLocked(host, name, { restarts, detach: true });
    return 'restarted';
  } catch (error) {
    if (!(error instanceof ZoneError)) throw error;
    await noteFailure(host, name, restarts, error);
    const record = await findZone(host.roots, name);
    return record === undefined || !wantsRestart({ ...record, restarts }, 1) ? 'left' : undefined;
  }
}

async function noteFailure({ roots }: HostContext, name: string, attempts: number, error: ZoneError): Promise<void> {
  const text = JSON.stringify({ version: 1, attempts, ...error.toJSON() } satisfies RestartFailure);
  await writeRunTimeFile(zonePaths(roots, name).restartFailure, text);
}
