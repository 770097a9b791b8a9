/** A command in a zone, attached to this terminal: raw mode, window size, signals, Ctrl-] twice to detach. */

import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { runTool } from '../host/tool.js';
import { type Caller, forwardedSignals, thisProcess } from './caller.js';

export interface Winsize {
  readonly rows: number;
  readonly columns: number;
}

/** Both stdin and stdout are terminals. */
export function isTerminal(caller: Caller = thisProcess): boolean {
  return caller.stdin.isTTY && caller.stdout.isTTY;
}

export function winsize(): Winsize {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}

/** With a terminal: -t, or both ends are terminals and not -T. */
export function wantsTty(
  flags: {
    readonly tty?: boolean | undefined;
    readonly 'no-tty'?: boolean | undefined;
  },
  caller: Caller = thisProcess,
): boolean {
  if (flags['no-tty'] === true) return false;
  return flags.tty === true || isTerminal(caller);
}

/**
 * Every key goes through as it is, and every byte comes out as it is, until disposed. libuv's raw mode leaves output
 * processing on, which would turn each cursor-down (a bare newline) of a full-screen program into a new line.
 */
export async function rawMode(): Promise<Disposable> {
  const { stdin } = process;
  if (stdin.isTTY !== true) return { [Symbol.dispose]: () => {} };
  stdin.setRawMode(true);
  await runTool({ tool: 'stty', args: ['-F', `/proc/${process.pid}/fd/0`, '-opost'], package: 'coreutils' }).catch(
    // Without stty only full-screen programs look odd.
    () => {},
  );
  return { [Symbol.dispose]: () => void stdin.setRawMode(false) };
}

/**
 * Tells each new size, one after the other, so that the last one is what holds; the first at once, as the terminal may have changed since the command's
 * was made.
 */
export function onResize(resize: (size: Winsize) => unknown): Disposable {
  let told = Promise.resolve<unknown>(undefined);
  const changed = () => {
    told = told.then(() => resize(winsize())).catch(() => {});
  };
  process.stdout.on('resize', changed);
  if (process.stdout.isTTY === true) changed();
  return { [Symbol.dispose]: () => void process.stdout.off('resize', changed) };
}

/** What this process is sent goes to the command. */
export function forwardSignals(kill: (signal: number) => void, caller: Caller = thisProcess): Disposable {
  return caller.onSignal(forwardedSignals, (name) => kill(constants.signals[name]));
}

const detachKey = 0x1d;

/** Counts Ctrl-] in what is typed. @returns what to pass on, and whether it was typed twice in a row */
export function createDetachKeys(): (typed: Buffer) => { readonly pass: Buffer; readonly detach: boolean } {
  let held = false;
  return (typed) => {
    const pass: number[] = [];
    for (const byte of typed) {
      if (byte === detachKey && held) return { pass: Buffer.from(pass), detach: true };
      // A single one is passed on with the key that follows it.
      if (held) pass.push(detachKey);
      held = byte === detachKey;
      if (!held) pass.push(byte);
    }
    return { pass: Buffer.from(pass), detach: false };
  };
}

/** Ties this terminal to the zone's. @returns a promise that resolves to true when detached by the keys, false at its end */
export function relayTerminal(console: Duplex): Promise<boolean> {
  const detachKeys = createDetachKeys();
  const { stdin, stdout } = process;
  return new Promise((resolve) => {
    const typed = (chunk: Buffer) => {
      const { pass, detach } = detachKeys(chunk);
      if (pass.length > 0) console.write(pass);
      if (detach) finish(true);
    };
    const finish = (isDetached: boolean) => {
      stdin.off('data', typed);
      stdin.pause();
      resolve(isDetached);
    };
    stdin.on('data', typed);
    stdin.once('end', () => console.end());
    console.pipe(stdout, { end: false });
    console.once('close', () => finish(false));
    console.once('error', () => finish(false));
    // It may have closed while the terminal was made ready, and does not say so again.
    if (console.destroyed) finish(false);
  });
}
