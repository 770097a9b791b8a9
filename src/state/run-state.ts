/** What is true of a zone now: read from the monitor's records and checked against the kernel, never remembered. */

import type { ZoneErrorJson } from '../errors/index.js';
import { readFile } from '../host/quick-fs.js';
import { readJson, type Versioned } from './json-file.js';
import type { Roots } from './roots.js';
import { zonePaths } from './zone-paths.js';

/** Written by the monitor before the zone's first instruction. */
export interface RunningRecord extends Versioned {
  readonly version: 1;
  /** Host pid of the zone's pid 1. */
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot: with the pid it names a process for good. */
  readonly startTime: string;
  readonly monitorPid: number;
  readonly monitorStartTime: string;
  readonly startedAtMs: number;
}

/** Written by the monitor when the zone has ended. */
export interface ExitRecord extends Versioned {
  readonly version: 1;
  /** 128+n for signal n. */
  readonly status: number;
  readonly signal: number;
  readonly oomKills: number;
  /** It was ended for that. */
  readonly tooManyGroups?: true;
  readonly exitedAtMs: number;
}

/** The record of a zone that runs, or `undefined`. */
export async function readRunning(roots: Roots, zone: string): Promise<RunningRecord | undefined> {
  return ifAlive(await readLastRun(roots, zone));
}

/** The record of a zone that is prepared: its first process waits, and with it all that a start makes. */
export async function readPrepared(roots: Roots, zone: string): Promise<RunningRecord | undefined> {
  return ifAlive(await readJson<RunningRecord>(zonePaths(roots, zone).prepared, 1));
}

/**
 * The record of the first process of a zone that runs or is prepared. It is looked for in this order: one that is let go meanwhile has the other
 * record before it loses this one.
 */
export async function readFirstProcess(roots: Roots, zone: string): Promise<RunningRecord | undefined> {
  const prepared = await readPrepared(roots, zone);
  return (await readRunning(roots, zone)) ?? prepared;
}

async function ifAlive(record: RunningRecord | undefined): Promise<RunningRecord | undefined> {
  return record !== undefined && (await isAlive(record.pid, record.startTime)) ? record : undefined;
}

/** Neither gone nor a zombie, nor just being forgotten (X). */
async function isAlive(pid: number, startTime: string): Promise<boolean> {
  const process = await readProcess(pid);
  return process?.startTime === startTime && !/[ZX]/.test(process.state);
}

/** The record of the last start, whether or not it still runs. */
export async function readLastRun(roots: Roots, zone: string): Promise<RunningRecord | undefined> {
  return readJson<RunningRecord>(zonePaths(roots, zone).running, 1);
}

/** Why the restart policy could not do its work: there until the next start. */
export interface RestartFailure extends Versioned {
  readonly version: 1;
  readonly attempts: number;
  readonly error: ZoneErrorJson['error'];
}

export async function readRestartFailure(roots: Roots, zone: string): Promise<RestartFailure | undefined> {
  return readJson<RestartFailure>(zonePaths(roots, zone).restartFailure, 1);
}

export async function readExit(roots: Roots, zone: string): Promise<ExitRecord | undefined> {
  return readJson<ExitRecord>(zonePaths(roots, zone).exit, 1);
}

/**
 * Its first process is dead, and its monitor has not written yet how it ended: it is about to. What is left in the zone's pipes is in the log by
 * then, too.
 */
export async function isEnding(roots: Roots, zone: string): Promise<boolean> {
  const last = await readLastRun(roots, zone);
  if (last === undefined || (await ifAlive(last)) !== undefined) return false;
  if ((await readExit(roots, zone)) !== undefined) return false;
  return isAlive(last.monitorPid, last.monitorStartTime);
}

/** proc_pid_stat(5): the state letter and the start time, or `undefined` if there is no such process. */
export async function readProcess(pid: number): Promise<{ state: string; startTime: string } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
}
