/** `stop`: pid 1 is asked, then killed; everything that the start prepared is taken back. */

import { thawZone } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { sendSignal, waitForExit } from '../helper/index.js';
import { readExit, readZone, writeZone, type ZoneRecord, zonePaths } from '../state/index.js';
import { boundary } from './boundaries.js';
import type { HostContext } from './host-context.js';
import { settledRunning } from './running-state.js';
import { settleZone } from './settle-zone.js';
import { runTransaction } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { groupsOf, readLaunch } from './zone-ref.js';

export interface StopOptions extends OperationOptions {
  /** Kill at once. */
  readonly force?: boolean;
  /** Before it is killed; the zone's own setting if not given. */
  readonly stopTimeoutMs?: number | undefined;
}

export interface StopResult {
  readonly name: string;
  /** Status of pid 1; absent if the zone was not running. */
  readonly status?: number;
  /** It did not end in time and was killed. */
  readonly killed: boolean;
  readonly wasRunning: boolean;
}

const SIGTERM = 15;
const SIGKILL = 9;
/** systemd's halt: systemd(1), "Signals". */
const SIGRTMIN3 = 37;
/** busybox init's and sysvinit's orderly end. */
const SIGUSR1 = 10;

/** Stopping what is stopped is success. @throws ZONE_NOT_FOUND, ZONE_PROTECTED, LOCK_BUSY */
export async function stopZone(host: HostContext, name: string, options: StopOptions = {}): Promise<StopResult> {
  await using _lock = await lockZone(host, name, options);
  const record = await readZone(host.roots, name);
  if (record.spec.protect.includes('stop')) throw protectedError(name);
  return await stopLocked(host, record, options);
}

/** Call with the zone's lock held. */
export async function stopLocked(host: HostContext, record: ZoneRecord, options: StopOptions): Promise<StopResult> {
  const { roots } = host;
  const { name } = record.spec;
  const wasRunning = await settledRunning(roots, name);
  if (!record.stoppedByUser) await writeZone(roots, { ...record, stoppedByUser: true });
  const ops = (await readLaunch(host.roots, name))?.prepared ?? [];
  const transaction = {
    operation: 'stop',
    zone: name,
    recovery: 'back',
    completeIfRunning: true,
    durable: false,
    roots,
  } as const;
  const killed = await runTransaction({ ...transaction, ops: [] }, async () => {
    const late = wasRunning && (await endZone(host, record, options));
    boundary('stop', name, 'ended');
    await settleZone(host.roots, name, (op) => boundary('stop', name, `undo ${op.op}`));
    return late;
  });
  boundary('stop', name, `settled ${ops.length}`);
  const exit = wasRunning ? await readExit(roots, name) : undefined;
  return { name, killed, wasRunning, ...(exit === undefined ? {} : { status: exit.status }) };
}

/** @returns whether it had to be killed */
async function endZone(host: HostContext, record: ZoneRecord, options: StopOptions): Promise<boolean> {
  const { monitorSocket } = zonePaths(host.roots, record.spec.name);
  const ended = waitForExit(monitorSocket);
  ended.catch(() => {});
  await thawZone(groupsOf(host, record.spec.name));
  if (options.force !== true) {
    await sendSignal(monitorSocket, stopSignalOf(record));
    const waitMs = options.stopTimeoutMs ?? record.spec.stopTimeout;
    if (await endsWithin(ended, waitMs, options.signal)) return false;
  }
  await sendSignal(monitorSocket, SIGKILL);
  await ended;
  return true;
}

/** @returns false when the time is over; an abort ends the wait with its reason */
async function endsWithin(ended: Promise<unknown>, waitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const timeout = AbortSignal.timeout(waitMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const over = new Promise<boolean>((resolve) => {
    either.addEventListener('abort', () => resolve(false), { once: true });
  });
  const result = await Promise.race([ended.then(() => true), over]);
  signal?.throwIfAborted();
  return result;
}

/** The right signal for the kind of pid 1. */
function stopSignalOf({ spec, image }: ZoneRecord): number {
  if (spec.stopSignal !== undefined) return spec.stopSignal;
  if ((spec.init ?? image.config.init) !== 'full') return SIGTERM;
  return image.name.startsWith('busybox') ? SIGUSR1 : SIGRTMIN3;
}

function protectedError(name: string): Error {
  return zoneError('ZONE_PROTECTED', `zone "${name}" is protected against stop`, {
    hint: `Run "tszone unset ${name} protect" first.`,
    context: { zone: name },
  });
}
