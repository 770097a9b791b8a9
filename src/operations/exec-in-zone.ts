/** `exec`: a command inside a running zone. */
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isZoneFrozen, planExecCgroup } from '../cgroups/index.js';
import { hasCode, zoneError } from '../errors/index.js';
import { type EnterOp, enterSession, type HelperSession, helperPath } from '../helper/index.js';
import { anySignal } from '../host/index.js';
import { type EnterPlanInput, planEnter } from '../namespaces/index.js';

import { type RunningRecord, readRunning, readZone } from '../state/index.js';
import { checkExec } from './exec-input.js';
import type { HostContext } from './host-context.js';
import { planToolFilter } from './zone-filter.js';
import { groupsOf, type LaunchRecord, readLaunch, requireRunning } from './zone-ref.js';

export { loginShell } from '../namespaces/index.js';

export type ExecStdio = 'ignore' | 'inherit' | 'pipe';

export interface ExecOptions {
  /** Over the zone's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** NAME, UID, NAME:GROUP or UID:GID of the zone. */
  readonly user?: string | undefined;
  readonly stdio?: readonly [ExecStdio, ExecStdio, ExecStdio] | undefined;
  /** A terminal inside, relayed to stdin and stdout. */
  readonly tty?: { readonly rows: number; readonly columns: number } | undefined;
  /** Ends the command with everything that it started. */
  readonly signal?: AbortSignal | undefined;
  /** The same after this time, and WAIT_TIMEOUT. */
  readonly timeoutMs?: number | undefined;
}

export interface ExecResult {
  /** The command's own; 128+n for signal n; 126 cannot be executed, 127 not found. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | undefined;
  /** Killed, and the zone's memory limit killed somebody meanwhile. */
  readonly oomKilled: boolean;
}

export interface ExecSession {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Sends a signal to the command. */
  kill(signal: number): void;
  resize(rows: number, columns: number): void;
  readonly result: Promise<ExecResult>;
}

/** @throws SPEC_INVALID, ZONE_NOT_FOUND, ZONE_NOT_RUNNING, ZONE_STATE (paused), the abort's reason; `result` rejects with WAIT_TIMEOUT or the abort's reason */
export async function execInZone(
  host: HostContext,
  name: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecSession> {
  checkExec({ argv, ...options });
  const entered = await requireEntry(host, name);
  const { entry } = entered.launch;
  const payload = {
    env: { ...entry.env, ...options.env },
    user: options.user ?? entry.user,
    workdir: options.cwd ?? entry.workdir,
    argv,
  };
  return enter(host, name, { ...entered, payload }, options);
}

/** A mode of the helper as the zone's root inside the zone. */
export async function runHelperInZone(
  host: HostContext,
  name: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecSession> {
  const entered = await requireEntry(host, name);
  const filter = await planToolFilter(host, await readZone(host.roots, name));
  const { launch } = entered;
  const entry = { ...launch.entry, program: { ...launch.entry.program, filter } };
  const payload = { helperPath: helperPath(), argv };
  return enter(host, name, { ...entered, launch: { ...launch, entry }, payload }, options);
}

interface Entered {
  readonly running: RunningRecord;
  readonly launch: LaunchRecord;
  readonly payload: EnterPlanInput['payload'];
}

async function enter(host: HostContext, name: string, entered: Entered, options: ExecOptions): Promise<ExecSession> {
  const { running, launch, payload } = entered;
  const plan = planEnter({
    pid: running.pid,
    startTime: running.startTime,
    namespaces: launch.entry.namespaces,
    program: launch.entry.program,
    cgroups: planExecCgroup(groupsOf(host, name, launch.entry.ownGroups === true)),
    stdio: stdioMode(options),
    winsize: options.tty,
    payload,
  });
  const deadline = deadlineOf(options);
  const session = await spawn(plan, [...(options.stdio ?? defaultStdio)], deadline);
  const result = finish(session, deadline).catch(async (error: unknown) => {
    throw hasCode(error, 'KERNEL_STEP_FAILED') && (await isOver(host, name, running)) ? endedError(name, error) : error;
  });
  result.catch(() => {});
  return sessionOf(session, result);
}

async function spawn(
  plan: readonly EnterOp[],
  stdio: readonly ExecStdio[],
  deadline: AbortSignal | undefined,
): Promise<HelperSession> {
  try {
    return await enterSession(plan, { stdio, signal: deadline });
  } catch (error) {
    throw deadline?.aborted === true ? timeoutOr(deadline.reason) : error;
  }
}

const defaultStdio = ['ignore', 'pipe', 'pipe'] as const;

async function requireEntry(
  host: HostContext,
  name: string,
): Promise<{ running: RunningRecord; launch: LaunchRecord }> {
  await readZone(host.roots, name);
  const running = await requireRunning(host, name);
  const launch = await readLaunch(host.roots, name);
  if (launch === undefined) {
    if (await isOver(host, name, running)) throw endedError(name);
    throw new Error(`zone "${name}" runs without launch.json`);
  }
  if (!(await isZoneFrozen(groupsOf(host, name)))) return { running, launch };
  throw zoneError('ZONE_STATE', `zone "${name}" is paused`, {
    hint: `Run "tszone resume ${name}" first.`,
    context: { zone: name, status: 'paused' },
  });
}

/** A step that fails in a zone that ends at that moment, fails because of that. */
async function isOver({ roots }: HostContext, name: string, { startTime }: RunningRecord): Promise<boolean> {
  return (await readRunning(roots, name))?.startTime !== startTime;
}

function endedError(name: string, cause?: unknown): Error {
  return zoneError('ZONE_NOT_RUNNING', `zone "${name}" has ended before the command could run in it`, {
    hint: `Run "tszone start ${name}" first.`,
    context: { zone: name },
    cause,
  });
}

/** Pipes of the caller's go straight in; a terminal of the caller's never does (it could be typed into). */
function stdioMode({ tty, stdio }: ExecOptions): 'attach' | 'relay' | 'pty' {
  if (tty !== undefined) return 'pty';
  return stdio?.includes('inherit') === true ? 'attach' : 'relay';
}

function deadlineOf({ signal, timeoutMs }: ExecOptions): AbortSignal | undefined {
  return timeoutMs === undefined ? signal : anySignal([signal, AbortSignal.timeout(timeoutMs)]);
}

async function finish(session: HelperSession, deadline: AbortSignal | undefined): Promise<ExecResult> {
  try {
    const { status, signal, oomKills } = await session.expect('exited');
    return { exitCode: status, signal: signalName(signal), oomKilled: status === 137 && oomKills > 0 };
  } catch (error) {
    // The helper says what failed first and then ends what it started: until then the group is in use. In a zone that has
    // been paused meanwhile nothing ends.
    await Promise.race([session.exited, sleep(endedWithinMs, undefined, { ref: false })]);
    if (deadline?.aborted === true) throw timeoutOr(deadline.reason);
    throw error;
  }
}

const endedWithinMs = 2000;

function timeoutOr(reason: unknown): unknown {
  if (!(reason instanceof Error) || reason.name !== 'TimeoutError') return reason;
  return zoneError('WAIT_TIMEOUT', 'the command did not end in time and was killed', {
    hint: 'Pass a longer --timeout.',
    cause: reason,
  });
}

function signalName(number: number): NodeJS.Signals | undefined {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] as NodeJS.Signals | undefined;
}

function sessionOf(session: HelperSession, result: Promise<ExecResult>): ExecSession {
  return {
    stdin: session.stdin ?? undefined,
    stdout: session.stdout ?? undefined,
    stderr: session.stderr ?? undefined,
    kill: (signal) => session.signal(signal),
    resize: (rows, columns) => session.winsize(rows, columns),
    result,
  };
}
