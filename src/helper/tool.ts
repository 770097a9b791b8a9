/** The helper's one-shot modes: no plan, no events, just arguments and an exit status. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { zoneError } from '../errors/index.js';
import { helperPath } from './locate.js';
import { spawner } from './spawner.js';

export type StdioChoice = 'ignore' | 'inherit' | 'pipe' | number;

export interface ToolOptions {
  readonly stdin?: StdioChoice;
  /** A stream: its descriptor, shared. */
  readonly stdout?: StdioChoice | Writable;
  readonly stderr?: StdioChoice;
  /** Descriptors for 3, 4, …: each a descriptor of this process. */
  readonly extraFds?: readonly number[];
  /** Descriptor 3 is a pipe to the tool. */
  readonly control?: boolean | undefined;
  /** Looked up by the child: also `/proc/self/fd/N` of this process. */
  readonly cwd?: string | undefined;
  /** Aborting kills the tool. */
  readonly signal?: AbortSignal | undefined;
}

/** A running one-shot tool. Streams are null unless their choice was `pipe`. */
export interface ToolProcess {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly control: Writable | null;
  /** The exit status, or 128+n for signal n; all output has been delivered by then. */
  readonly exited: Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

export interface Ended {
  readonly status: number;
  /** What it said on descriptor 2. */
  readonly said: string;
}

const statusLocked = 0;
const statusBusy = 75;

/**
 * Starts `tszone-helper MODE ARGS…`.
 * @throws HOST_HELPER_MISSING
 */
export function runTool(mode: string, args: readonly string[], options: ToolOptions = {}): ToolProcess {
  const {
    stdin = 'ignore',
    stdout = 'ignore',
    stderr = 'ignore',
    extraFds = [],
    control = false,
    cwd,
    signal,
  } = options;
  signal?.throwIfAborted();
  const stdio = [stdin, stdout, stderr, ...(control ? ['pipe' as const] : extraFds)];
  const child = spawn(helperPath(), [mode, ...args], { stdio, env: {}, cwd });
  const exited = waitForStatus(child, mode);
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  exited.then(
    () => signal?.removeEventListener('abort', abort),
    () => signal?.removeEventListener('abort', abort),
  );
  return {
    pid: child.pid ?? -1,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    control: control ? (child.stdio[3] as Writable) : null,
    exited,
    kill: (name = 'SIGKILL') => {
      child.kill(name);
    },
  };
}

/** Runs a mode that has nothing to read and no output. @throws HOST_HELPER_MISSING */
export async function runToEnd(mode: string, args: readonly string[]): Promise<Ended> {
  const tool = runTool(mode, args, { stderr: 'pipe' });
  const [status, said] = await Promise.all([tool.exited, tool.stderr === null ? '' : text(tool.stderr)]);
  return { status, said };
}

/**
 * Takes an exclusive flock on the open file description behind `fd`; it is held until every copy of `fd` is closed.
 * @param waitSeconds 0 only tries
 * @returns false if somebody else holds it and did not let go in time
 * @throws HOST_HELPER_MISSING, INTERNAL; the signal's reason when aborted
 */
export async function flockFd(fd: number, waitSeconds: number, signal?: AbortSignal): Promise<boolean> {
  const isLocked = await (await spawner())?.lock(fd, waitSeconds * 1000, signal);
  if (isLocked !== undefined) return isLocked;
  const tool = runTool('lock', [String(waitSeconds)], { extraFds: [fd], signal });
  const status = await tool.exited;
  signal?.throwIfAborted();
  if (status === statusLocked) return true;
  if (status === statusBusy) return false;
  throw zoneError('INTERNAL', `locking file descriptor ${fd} failed`, { context: { status } });
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

async function waitForStatus(child: ChildProcess, mode: string): Promise<number> {
  try {
    const [code, name] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signalNumbers[name ?? ''] ?? 9);
  } catch (cause) {
    throw zoneError('HELPER_DIED', `the helper could not be started (mode "${mode}")`, {
      hint: `Check that "${helperPath()}" is executable, or install tszone again.`,
      cause,
    });
  }
}
