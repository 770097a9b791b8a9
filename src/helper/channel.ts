/** How a session reaches its helper: a child of this process, or one that the spawner forked. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { helperPath } from './locate.js';
import type { LaunchStdio, Spawner } from './spawner.js';
import type { StdioChoice } from './tool.js';

export interface ChannelListener {
  /** One event, as it was written. */
  line(text: string): void;
  /** fd 4 has ended. */
  closed(): void;
  /** It could not even be started. */
  failed(cause: unknown): void;
}

export interface HelperChannel {
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The helper's exit status; 137 if it was killed, 125 if it was never there. */
  readonly exited: Promise<number>;
  send(line: string): void;
  /** Closes fd 4. */
  close(): void;
  /** No longer keeps this process. */
  unref(): void;
}

/** apply: what is done on the host side, at once. */
export type SessionMode = 'launch' | 'enter' | 'apply';

export interface ChildOptions {
  readonly mode: SessionMode;
  readonly plan: Buffer;
  readonly stdio: readonly [StdioChoice, StdioChoice, StdioChoice];
  readonly program?: string | undefined;
}

/** @throws HOST_HELPER_MISSING */
export function childChannel(options: ChildOptions, listener: ChannelListener): HelperChannel {
  const child = spawn(options.program ?? helperPath(), [options.mode], {
    stdio: [...options.stdio, 'pipe', 'pipe'],
    env: {},
    cwd: '/',
  });
  const control = child.stdio[4] as Socket | null | undefined;
  const exited = exitOf(child, listener);
  sendPlan(child, options.plan);
  if (control !== undefined && control !== null) readLines(control, listener);
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    send: (line) => {
      if (control?.writable === true) control.write(line);
    },
    close: () => control?.destroy(),
    unref: () => child.unref(),
  };
}

function exitOf(child: ChildProcess, listener: ChannelListener): Promise<number> {
  return new Promise((resolve) => {
    child.on('exit', (code, name) => resolve(code ?? (name === 'SIGKILL' ? 137 : 125)));
    child.on('error', (cause) => {
      listener.failed(cause);
      resolve(125);
    });
  });
}

function sendPlan(child: ChildProcess, plan: Buffer): void {
  const pipe = child.stdio[3] as Writable | null | undefined;
  // A helper that has died says so on fd 4, or by closing it.
  pipe?.on('error', () => {});
  pipe?.end(plan);
}

function readLines(control: Socket, listener: ChannelListener): void {
  control.on('error', () => {});
  const lines = createInterface({ input: control });
  // readline passes its input's errors on: a helper that ends before it has read `go` resets the connection.
  lines.on('error', () => {});
  lines.on('line', (line) => listener.line(line));
  lines.on('close', () => listener.closed());
}

/** The plan of a `launch`, to the spawner. */
export function forkedChannel(
  spawner: Spawner,
  { plan, stdio }: { readonly plan: Buffer; readonly stdio: readonly LaunchStdio[] },
  listener: ChannelListener,
): HelperChannel {
  let rest = '';
  let end: (status: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    end = resolve;
  });
  const launched = spawner.launch(plan, stdio, {
    data: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) listener.line(line);
    },
    closed: () => listener.closed(),
    exited: (status) => end(status),
  });
  return {
    pid: undefined,
    stdin: null,
    stdout: null,
    stderr: null,
    exited,
    send: (line) => launched.send(line),
    close: () => launched.close(),
    unref: () => launched.forget(),
  };
}
