/** How a session reaches its helper: a child of this process, or one that the spawner forked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { helperPath } from './locate.js';
import type { Launch, LaunchedListener, LaunchStdioTriple, Spawner } from './spawner.js';
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
  /** Bytes, and what is to be the helper's 0, 1 and 2; only of a helper of the spawner's. */
  readonly program?: ((stdio: LaunchStdioTriple, bytes: Buffer) => void) | undefined;
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
  // Nor does one that was reset have an end.
  control.on('close', () => lines.close());
}

/** A helper of the spawner's. */
export function forkedChannel(
  spawner: Spawner,
  launch: Launch,
  listener: ChannelListener & Pick<LaunchedListener, 'pipes'>,
): HelperChannel {
  let rest = '';
  let end: (status: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    end = resolve;
  });
  const launched = spawner.launch(launch, {
    pipes: (paths) => listener.pipes?.(paths),
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
    program: (stdio, bytes) => launched.program(stdio, bytes),
    close: () => launched.close(),
    unref: () => launched.forget(),
  };
}

type Streams = Pick<HelperChannel, 'stdin' | 'stdout' | 'stderr'>;

/** The same with pipes, once they are there. What the helper says meanwhile is kept for the listener. */
export async function pipedChannel(
  spawner: Spawner,
  launch: Launch,
): Promise<(listener: ChannelListener) => HelperChannel> {
  const said: ((listener: ChannelListener) => void)[] = [];
  let listener: ChannelListener | undefined;
  const tell = (word: (listener: ChannelListener) => void) => {
    if (listener === undefined) said.push(word);
    else word(listener);
  };
  let channel: HelperChannel | undefined;
  const streams = await new Promise<Streams | undefined>((resolve, reject) => {
    channel = forkedChannel(spawner, launch, {
      pipes: (paths) => {
        try {
          resolve(openStreams(paths));
        } catch (error) {
          channel?.close();
          reject(error);
        }
      },
      line: (text) => tell((to) => to.line(text)),
      closed: () => {
        tell((to) => to.closed());
        resolve(undefined);
      },
      failed: (cause) => tell((to) => to.failed(cause)),
    });
  });
  const opened = channel;
  if (opened === undefined) throw new Error('the spawner has launched nothing');
  return (to) => {
    listener = to;
    // Whoever is told has this channel by then.
    queueMicrotask(() => {
      for (const word of said) word(to);
    });
    return { ...opened, ...streams };
  };
}

function openStreams([stdin, stdout, stderr]: readonly (string | undefined)[]): Streams {
  return { stdin: openStream(stdin, 'write'), stdout: openStream(stdout, 'read'), stderr: openStream(stderr, 'read') };
}

function openStream(path: string | undefined, use: 'read' | 'write'): Socket | null {
  if (path === undefined) return null;
  const fd = openSync(path, (use === 'read' ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_NONBLOCK);
  return new Socket({ fd, readable: use === 'read', writable: use === 'write' });
}
