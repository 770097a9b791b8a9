/** Runs a command in a zone as if it ran here: its stdin, stdout, stderr, terminal, signals and status. */
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { forwardSignals, onResize, rawMode, type Winsize, winsize } from './attached.js';

type Stdio = 'ignore' | 'inherit' | 'pipe';

/** What this file needs of an exec's session. */
export interface Attachable {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  kill(signal: number): void;
  resize(rows: number, columns: number): void;
  readonly result: Promise<{ readonly exitCode: number }>;
}

export interface AttachIo {
  readonly stdio: readonly [Stdio, Stdio, Stdio];
  readonly tty: Winsize | undefined;
}

/** @returns the command's exit status */
export async function attachExec(
  wanted: { readonly tty: boolean; readonly interactive: boolean },
  open: (io: AttachIo) => Promise<Attachable>,
): Promise<number> {
  return wanted.tty ? withTerminal(open) : withPipes(wanted.interactive, open);
}

async function withTerminal(open: (io: AttachIo) => Promise<Attachable>): Promise<number> {
  const session = await open({ stdio: ['inherit', 'inherit', 'inherit'], tty: winsize() });
  using _raw = await rawMode();
  using _resize = onResize(({ rows, columns }) => session.resize(rows, columns));
  using _signals = forwardSignals((signal) => session.kill(signal));
  return (await session.result).exitCode;
}

/** A terminal of ours is never handed into the zone: what is typed or shown goes through pipes. */
async function withPipes(interactive: boolean, open: (io: AttachIo) => Promise<Attachable>): Promise<number> {
  const through = (isTty: boolean | undefined): Stdio => (isTty === true ? 'pipe' : 'inherit');
  const typed = process.stdin.isTTY === true && !interactive ? 'ignore' : through(process.stdin.isTTY);
  const session = await open({
    stdio: [typed, through(process.stdout.isTTY), through(process.stderr.isTTY)],
    tty: undefined,
  });
  using _signals = forwardSignals((signal) => session.kill(signal));
  if (session.stdin !== undefined) process.stdin.pipe(session.stdin);
  session.stdin?.on('error', () => {});
  const shown = [show(session.stdout, process.stdout), show(session.stderr, process.stderr)];
  const { exitCode } = await session.result;
  // A grandchild that keeps the pipe open must not keep us: only what is there already is waited for.
  await Promise.race([Promise.all(shown), sleep(200)]);
  return exitCode;
}

function show(from: Readable | undefined, to: NodeJS.WriteStream): Promise<void> {
  if (from === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    from.pipe(to, { end: false });
    from.once('close', () => resolve());
    from.once('error', () => resolve());
  });
}
