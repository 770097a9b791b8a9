/** `stop`: pid 1 is asked, then killed; everything that the start prepared is taken back. */

import { thawZone } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { sendSignal, waitForExit } from '../helper/index.js';
import { anySignal } from '../host/index.js';
import { lapse } from '../host/lapse.js';
import type { HostOp } from '../plan/index.js';
import type { HostOpBase } from '../spec/index.js';
import {
  dropJournal,
  type Journal,
  readExit,
  readRunning,
  readZone,
  withReserve,
  writeJournal,
  writeZone,
  type ZoneRecord,
  zonePaths,
} from '../state/index.js';
import { boundary } from './boundaries.js';
import type { HostContext } from './host-context.js';
import { killPid1, settledRunning } from './running-state.js';
import { settleZone } from './settle-zone.js';
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
/** systemd's halt: systemd(1), "Signals". */
const SIGRTMIN3 = 37;
/** busybox init's and sysvinit's orderly end. */
const SIGUSR1 = 10;

/** What a stop returns when the zone is dead. */
export interface Stopped {
  readonly result: StopResult;
  /**
   * What its start had prepared is taken back, and what was stopped is recorded. Fails as that does; the next command on the zone tries
   * again.
   */
  readonly cleaned: Promise<void>;
}

/** Stopping what is stopped is success. @throws ZONE_NOT_FOUND, ZONE_PROTECTED, LOCK_BUSY */
export async function stopZone(host: HostContext, name: string, options: StopOptions = {}): Promise<StopResult> {
  const { result, cleaned } = await endZone(host, name, options);
  await cleaned;
  return result;
}

/** The same; returns when the zone is dead. Who wants to change it meanwhile waits for its lock. @throws as stopZone */
export async function endZone(host: HostContext, name: string, options: StopOptions = {}): Promise<Stopped> {
  const lock = await lockZone(host, name, options);
  try {
    const record = await readZone(host.roots, name);
    requireStoppable(record);
    const { result, cleaned } = await stopLocked(host, record, options);
    const released = cleaned.finally(() => lock.release());
    // It may be asked for later than it fails.
    released.catch(() => {});
    return { result, cleaned: released };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Call with the zone's lock held, until `cleaned`. The journal names what the start prepared: killed after the zone's end, the next command
 * undoes it; killed, aborted or failed before, the zone runs on and nothing is undone.
 *
 * @throws ZONE_STATE if it is still there after all
 */
export async function stopLocked(host: HostContext, record: ZoneRecord, options: StopOptions): Promise<Stopped> {
  const { roots } = host;
  const { name } = record.spec;
  const wasRunning = await settledRunning(roots, name);
  const journal = await journalStop(host, name);
  const ended = wasRunning ? await endFirstProcess(host, record, options) : undefined;
  boundary('stop', name, 'ended');
  const exit = wasRunning ? await readExit(roots, name) : undefined;
  const clean = async () => {
    await ended?.monitorEnded;
    const done = (op: HostOpBase) => boundary('stop', name, `undo ${op.op}`);
    if (!(await settleZone(roots, name, { done }))) throw stillRunning(name);
    // Only now: with no space left on the disk, a zone can still be stopped.
    if (!record.stoppedByUser) await withReserve(roots, () => writeZone(roots, { ...record, stoppedByUser: true }));
    boundary('stop', name, 'record');
    await dropJournal(roots, journal);
    boundary('stop', name, 'done');
  };
  const cleaned = clean();
  // What fails where nothing has ended is the whole answer.
  if (!wasRunning) await cleaned;
  cleaned.catch(() => {});
  const status = exit === undefined ? {} : { status: exit.status };
  return { result: { name, killed: ended?.isLate === true, wasRunning, ...status }, cleaned };
}

async function journalStop({ roots }: HostContext, zone: string): Promise<Journal> {
  const ops: HostOpBase[] = [
    { op: 'state.zone-stopped', roots, zone } as HostOp,
    ...((await readLaunch(roots, zone))?.prepared ?? []),
  ];
  const kind = { operation: 'stop', recovery: 'back', completeIfRunning: true, place: 'run' } as const;
  const journal = { version: 1, ...kind, zone, ops } as const;
  await withReserve(roots, () => writeJournal(roots, journal));
  boundary('stop', zone, 'journal');
  return journal;
}

interface Ended {
  /** It had to be killed. */
  readonly isLate: boolean;
  /** Or has had its time to. */
  readonly monitorEnded: Promise<unknown>;
}

async function endFirstProcess(host: HostContext, record: ZoneRecord, options: StopOptions): Promise<Ended> {
  const { name, stopTimeout } = record.spec;
  const { monitorSocket } = zonePaths(host.roots, name);
  const { exited, ended } = watchMonitor(monitorSocket);
  const monitorEnded = () => endsWithin(ended, monitorLimitMs, undefined);
  // Without a freezer (in a zone on v1) nothing is frozen.
  if (host.facts.cgroup.controllers.freezer !== undefined) await thawZone(groupsOf(host, name));
  if (options.force !== true) {
    await sendSignal(monitorSocket, stopSignalOf(record));
    const inTime = await endsWithin(exited, options.stopTimeoutMs ?? stopTimeout, options.signal);
    if (inTime && (await readRunning(host.roots, name)) === undefined)
      return { isLate: false, monitorEnded: monitorEnded() };
  }
  await killPid1(host.roots, name);
  // It has the last word: the exit record.
  await endsWithin(exited, monitorLimitMs, options.signal);
  return { isLate: true, monitorEnded: monitorEnded() };
}

/** exited: it says so, or is gone · ended: it has cleaned up, or is gone. Neither fails. */
function watchMonitor(socket: string): { exited: Promise<void>; ended: Promise<void> } {
  let told = () => {};
  const exited = new Promise<void>((resolve) => {
    told = resolve;
  });
  const ended = waitForExit(socket, undefined, told).then(
    () => {},
    () => {},
  );
  return { exited: Promise.race([exited, ended]), ended };
}

/** What a monitor needs to work off its exit list, with a margin for a loaded host. */
const monitorLimitMs = 10_000;

/** @returns false when the time is over; an abort ends the wait with its reason */
async function endsWithin(ended: Promise<void>, waitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  const either = anySignal([signal, stop.signal]);
  const over = lapse(waitMs, { signal: either }).then(
    () => false,
    () => false,
  );
  const result = await Promise.race([ended.then(() => true), over]);
  stop.abort();
  signal?.throwIfAborted();
  return result;
}

function stillRunning(name: string): Error {
  return zoneError('ZONE_STATE', `zone "${name}" was started again while it was being stopped`, {
    hint: `Run "tszone stop ${name}" once more.`,
    context: { zone: name },
  });
}

/** The right signal for the kind of pid 1. */
export function stopSignalOf({ spec, image }: ZoneRecord): number {
  if (spec.stopSignal !== undefined) return spec.stopSignal;
  if ((spec.init ?? image.config.init) !== 'full') return image.config.stopSignal ?? SIGTERM;
  return image.name.startsWith('busybox') ? SIGUSR1 : SIGRTMIN3;
}

/** @throws ZONE_PROTECTED */
export function requireStoppable({ spec: { name, protect } }: ZoneRecord): void {
  if (!protect.includes('stop')) return;
  throw zoneError('ZONE_PROTECTED', `zone "${name}" is protected against stop`, {
    hint: `Run "tszone unset ${name} protect" first.`,
    context: { zone: name },
  });
}
