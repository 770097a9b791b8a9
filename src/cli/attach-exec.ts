/** Runs a command in a zone as if it ran here: its stdin, stdout, stderr, terminal, signals and status. */
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { forwardSignals, onResize, rawMode, type Winsize, winsize } from './attached.js';

type Stdio = 'ignore' | 'inherit' | 'pipe';

/** What this file needs of an exec's session. */
export interface Attachable {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  kill(signal: number): void;
  resize(rows: number, columns: number): void;
  readonly result: Promise<Ended>;
}

interface Ended {
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

export interface AttachIo {
  readonly stdio: readonly [Stdio, Stdio, Stdio];
  readonly tty: Winsize | undefined;
}

/** @returns how the command ended */
export async function attachExec(
  wanted: { readonly tty: boolean; readonly interactive: boolean },
  open: (io: AttachIo) => Promise<Attachable>,
): Promise<Ended> {
  return wanted.tty ? withTerminal(open) : withPipes(wanted.interactive, open);
}

async function withTerminal(open: (io: AttachIo) => Promise<Attachable>): Promise<Ended> {
  const session = await open({ stdio: ['inherit', 'inherit', 'inherit'], tty: winsize() });
  using _raw = await rawMode();
  using _resize = onResize(({ rows, columns }) => session.resize(rows, columns));
  using _signals = forwardSignals((signal) => session.kill(signal));
  return await session.result;
}

/** A terminal of ours is never handed into the zone: what is typed or shown goes through pipes. */
async function withPipes(interactive: boolean, open: (io: AttachIo) => Promise<Attachable>): Promise<Ended> {
  const through = (isTty: boolean | undefined): Stdio => (isTty === true ? 'pipe' : 'inherit');
  const typed = process.stdin.isTTY === true && !interactive ? 'ignore' : through(process.stdin.isTTY);
  const session = await open({
    stdio: [typed, through(process.stdout.isTTY), through(process.stderr.isTTY)],
    tty: undefined,
  });
  if (session.stdin !== undefined) process.stdin.pipe(session.stdin);
  session.stdin?.on('error', () => {});
  const shown = [show(session.stdout, process.stdout), show(session.stderr, process.stderr)];
  const ended = await resultOf(session);
  // From here on a signal ends this process, as it does anywhere.
  await allShown(shown);
  return ended;
}

async function resultOf(session: Attachable): Promise<Ended> {
  using _signals = forwardSignals((signal) => session.kill(signal));
  return await session.result;
}

/** One of the command's streams on its way to one of ours. */
interface Shown {
  /** Nobody has the pipe's other end any more, and the reader has taken everything, or has gone. */
  readonly done: Promise<void>;
  /** Bytes read from the pipe. */
  bytes(): number;
  /** Bytes that the reader has not taken yet. */
  waiting(): number;
}

/** Copies, at the reader's speed. */
export function show(from: Readable | undefined, to: Writable): Shown {
  let bytes = 0;
  const done = new Promise<void>((resolve) => {
    if (from === undefined) return resolve();
    const flush = () => to.write('', () => resolve());
    from.pipe(to, { end: false });
    from.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    from.once('close', flush).once('error', flush);
    to.on('error', () => resolve());
  });
  return { done, bytes: () => bytes, waiting: () => to.writableLength };
}

/**
 * A grandchild that keeps a pipe open must not keep us: what has been written already is waited for, until nothing has
 * flowed for `calmMs`.
 */
export async function allShown(shown: readonly Shown[], calmMs = 200): Promise<void> {
  const all = Promise.all(shown.map(({ done }) => done)).then(() => true);
  const bytes = () => shown.reduce((sum, one) => sum + one.bytes(), 0);
  for (let before = -1; before !== bytes() || shown.some((one) => one.waiting() > 0); ) {
    before = bytes();
    if (await Promise.race([all, sleep(calmMs, false)])) return;
    // Writing to a slow terminal blocks this process: what came meanwhile is read only after the timer has fired.
    await nextTurn();
  }
}
