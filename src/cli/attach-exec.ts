/** Runs a command in a zone as if it ran here: its stdin, stdout, stderr, terminal, signals and status. */
import type { Writable } from 'node:stream';
import { forwardSignals, onResize, type Winsize, winsize } from './attached.js';

type Stdio = 'ignore' | 'inherit' | 'pipe';

/** What this file needs of an exec's session. */
export interface Attachable {
  readonly stdin: Writable | undefined;
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
  // The helper stands between: a terminal of ours is never handed into the zone.
  const tty = wanted.tty ? winsize() : undefined;
  const session = await open({ stdio: [wanted.tty ? 'inherit' : stdinOf(wanted), 'inherit', 'inherit'], tty });
  if (session.stdin !== undefined) process.stdin.pipe(session.stdin).on('error', () => {});
  using _resize = onResize(({ rows, columns }) => session.resize(rows, columns));
  using _signals = forwardSignals((signal) => session.kill(signal));
  return await session.result;
}

/** What is typed is read here, as whoever is stopped by Ctrl-Z must not read on. */
function stdinOf({ interactive }: { readonly interactive: boolean }): Stdio {
  if (process.stdin.isTTY !== true) return 'inherit';
  return interactive ? 'pipe' : 'ignore';
}
