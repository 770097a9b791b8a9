/** Whose command it is: this process's own, or a client's of the engine, which serves many in one process. */
import type { ReadyRuns } from '../operations/ready-runs.js';

/** A descriptor of this process, or one of a client's: `ID:N`. */
export type CallerDescriptor = number | `${number}:${number}`;

export interface CallerStream {
  readonly isTTY: boolean;
  readonly columns?: number | undefined;
  /** Does not wait. */
  write(text: string): void;
  /** Resolves when the text has left: process.exit cuts off what a pipe has not taken. false: nobody reads any more (EPIPE). */
  deliver(text: string): Promise<boolean>;
}

export interface Caller {
  readonly stdin: { readonly isTTY: boolean };
  readonly stdout: CallerStream;
  readonly stderr: CallerStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What an attached zone gets for its 0, 1 and 2. */
  readonly descriptors: readonly [CallerDescriptor, CallerDescriptor, CallerDescriptor];
  /** An image that is missing is built for it; a client builds its own, with its own proxies and in its own time. */
  readonly buildsImages: boolean;
  onSignal(names: readonly NodeJS.Signals[], handler: (name: NodeJS.Signals) => void): Disposable;
  /** Zones that wait for a run. */
  readonly ready?: ReadyRuns | undefined;
  /** It need not wait for the rest of its command, of which it would learn nothing. Of this process: it waits. */
  readonly release?: ((status: number) => void) | undefined;
  /** At once: what is half done is for the next command. */
  exit(status: number): void;
}

/** With these a user ends a command that works on the host. */
export const interruptSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Who is attached sends these on. */
export const forwardedSignals = [...interruptSignals, 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** When `--pull` is not given. */
export function defaultPull(caller: Caller): 'missing' | 'never' {
  return caller.buildsImages ? 'missing' : 'never';
}

export const thisProcess: Caller = {
  get stdin() {
    return { isTTY: process.stdin.isTTY === true };
  },
  get stdout() {
    return streamOf(process.stdout);
  },
  get stderr() {
    return streamOf(process.stderr);
  },
  get env() {
    return process.env;
  },
  descriptors: [0, 1, 2],
  buildsImages: true,
  onSignal(names, handler) {
    for (const name of names) process.on(name, handler);
    return {
      [Symbol.dispose]() {
        for (const name of names) process.off(name, handler);
      },
    };
  },
  exit: (status) => process.exit(status),
};

function streamOf(stream: NodeJS.WriteStream): CallerStream {
  return {
    isTTY: stream.isTTY === true,
    columns: stream.columns,
    write: (text) => void stream.write(text),
    deliver: (text) => deliver(stream, text),
  };
}

function deliver(stream: NodeJS.WriteStream, text: string): Promise<boolean> {
  if (text === '') return Promise.resolve(true);
  return new Promise((resolve) => {
    const failed = () => resolve(false);
    stream.once('error', failed);
    stream.write(text, (error) => {
      stream.off('error', failed);
      resolve(error === undefined || error === null);
    });
  });
}
