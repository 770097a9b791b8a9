/** One run of the helper in `launch` or `enter`: plan down, events up, `go` and signals down. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { EventBoard, type EventName, type EventOf } from './events.js';
import { helperPath } from './locate.js';
import { type EnterOp, encodePlan, type HelperEvent } from './protocol.js';
import { stepError } from './step-error.js';
import type { StdioChoice } from './tool.js';

export interface SessionOptions {
  /** The helper's 0, 1, 2. In mode `relay` it relays them, in `enter`'s `inherit` the command gets them as they are. */
  readonly stdio?: readonly StdioChoice[];
  /** Aborting kills what was started, until the session is detached. */
  readonly signal?: AbortSignal | undefined;
  /** Another program that speaks the protocol, for tests. */
  readonly program?: string;
}

export interface HelperSession extends AsyncDisposable {
  /** Of the helper itself. */
  readonly pid: number;
  /** Null unless their choice was `pipe`. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /**
   * The event, whenever it comes or came. Rejects with KERNEL_STEP_FAILED or RESOURCE_DISK_FULL when a step failed, with
   * HELPER_DIED when the helper ended without a word, with the signal's reason when aborted.
   */
  expect<Name extends EventName>(event: Name): Promise<EventOf<Name>>;
  /** The exit status of the helper process: the zone's or command's own, 125 … 127 for a failure. */
  readonly exited: Promise<number>;
  /** Launch: releases the child, after the attach phase. */
  go(): void;
  /** Launch: this process sees to what follows the zone's end, instead of what exit.spawn names, as long as it lives. */
  claim(): void;
  /** To the zone's pid 1, or the command. */
  signal(number: number): void;
  winsize(rows: number, columns: number): void;
  /** Launch: lets the monitor live on alone; this process no longer waits for it. */
  detach(): void;
}

/**
 * Starts the helper on a plan.
 * @throws HOST_HELPER_MISSING
 */
export function spawnSession(
  mode: 'launch' | 'enter',
  ops: readonly EnterOp[],
  options: SessionOptions = {},
): HelperSession {
  options.signal?.throwIfAborted();
  const [stdin = 'ignore', stdout = 'ignore', stderr = 'ignore'] = options.stdio ?? [];
  // A plan that cannot be sent must not leave a helper behind that waits for it.
  const plan = encodePlan(ops);
  const child = spawn(options.program ?? helperPath(), [mode], {
    stdio: [stdin, stdout, stderr, 'pipe', 'pipe'],
    env: {},
    cwd: '/',
  });
  return new Session({ mode, child, ops, plan, signal: options.signal });
}

interface SessionParts {
  readonly mode: 'launch' | 'enter';
  readonly child: ChildProcess;
  readonly ops: readonly EnterOp[];
  /** The ops as they are sent. */
  readonly plan: Buffer;
  readonly signal: AbortSignal | undefined;
}

class Session implements HelperSession {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly exited: Promise<number>;
  readonly #mode: 'launch' | 'enter';
  readonly #child: ChildProcess;
  readonly #ops: readonly EnterOp[];
  readonly #events = new EventBoard();
  readonly #control: Socket;
  #hasGone = false;
  #isClosing = false;

  constructor({ mode, child, ops, plan, signal }: SessionParts) {
    this.#mode = mode;
    this.#child = child;
    this.#ops = ops;
    this.pid = child.pid ?? -1;
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = child);
    this.#control = child.stdio[4] as Socket;
    this.exited = new Promise((resolve) => {
      child.on('exit', (code, name) => resolve(code ?? (name === 'SIGKILL' ? 137 : 125)));
      child.on('error', (cause) => {
        this.#events.fail(diedError('could not be started', cause));
        resolve(125);
      });
    });
    this.#readEvents();
    this.#sendPlan(plan);
    this.#obey(signal);
  }

  expect<Name extends EventName>(event: Name): Promise<EventOf<Name>> {
    return this.#events.expect(event);
  }

  go(): void {
    this.#hasGone = true;
    this.#send('go');
  }

  claim(): void {
    this.#send('claim');
  }

  signal(number: number): void {
    this.#send(`signal ${number}`);
  }

  winsize(rows: number, columns: number): void {
    this.#send(`winsize ${rows} ${columns}`);
  }

  detach(): void {
    this.#close(new Error('the session was detached'));
    this.#child.unref();
  }

  /** Ends what was not released yet (or any `enter`) and waits for the helper; a released zone is only detached. */
  async [Symbol.asyncDispose](): Promise<void> {
    const livesOn = this.#mode === 'launch' && this.#hasGone && !this.#events.failed && !this.#events.has('exited');
    if (livesOn) {
      this.detach();
      return;
    }
    this.#close(new Error('the session was disposed'));
    await this.exited;
  }

  #send(line: string): void {
    if (!this.#isClosing && this.#control.writable) this.#control.write(`${line}\n`);
  }

  #close(reason: unknown): void {
    this.#isClosing = true;
    this.#events.fail(reason);
    this.#control.destroy();
  }

  #sendPlan(plan: Buffer): void {
    const pipe = this.#child.stdio[3] as Writable | null | undefined;
    // A helper that has died says so on fd 4, or by closing it.
    pipe?.on('error', () => {});
    pipe?.end(plan);
  }

  #readEvents(): void {
    if (this.#control === undefined || this.#control === null) return;
    this.#control.on('error', () => {});
    const lines = createInterface({ input: this.#control });
    // readline passes its input's errors on: a helper that ends before it has read `go` resets the connection.
    lines.on('error', () => {});
    lines.on('line', (line) => this.#receive(line));
    lines.on('close', () => {
      if (!this.#isClosing) this.#events.fail(diedError('ended without saying why'));
    });
  }

  #receive(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) return;
    if (event.event === 'error') this.#events.fail(stepError(event, this.#ops));
    else this.#events.settle(event);
  }

  #obey(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = () => {
      // A released zone outlives the closing of fd 4: it has to be ended first.
      if (this.#mode === 'launch' && this.#hasGone && !this.#events.has('exited')) this.#send('signal 9');
      this.#close(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    void this.exited.then(() => signal.removeEventListener('abort', abort));
  }
}

const knownEvents = ['created', 'started', 'exited', 'error'];

/** Unknown events are skipped: a newer helper may say more. */
function parseEvent(line: string): HelperEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isKnown =
      typeof value === 'object' && value !== null && 'event' in value && knownEvents.includes(String(value.event));
    return isKnown ? (value as HelperEvent) : undefined;
  } catch {
    return undefined;
  }
}

function diedError(how: string, cause?: unknown): Error {
  return zoneError('HELPER_DIED', `the native helper ${how}`, {
    hint: 'Look for its death in the kernel log (dmesg); "npm run build:native" makes the helper anew.',
    cause,
  });
}
