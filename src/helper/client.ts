/** One run of the helper in `launch` or `enter`: plan down, events up, `go` and signals down. */
import type { Readable, Writable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import {
  type ChannelListener,
  childChannel,
  forkedChannel,
  type HelperChannel,
  pipedChannel,
  type SessionMode,
} from './channel.js';
import { EventBoard, type EventName, type EventOf } from './events.js';
import { type EnterOp, encodePlan, type HelperEvent } from './protocol.js';
import { type LaunchStdio, type LaunchStdioTriple, spawner } from './spawner.js';
import { stepError } from './step-error.js';
import type { StdioChoice } from './tool.js';

export interface SessionOptions {
  /** The helper's 0, 1, 2. In mode `relay` it relays them, in `enter`'s `inherit` the command gets them as they are. */
  readonly stdio?: readonly (StdioChoice | LaunchStdio)[];
  /** Aborting kills what was started, until the session is detached. */
  readonly signal?: AbortSignal | undefined;
  /** Another program that speaks the protocol, for tests. */
  readonly program?: string;
}

export interface HelperSession extends AsyncDisposable {
  /** Of the helper itself, if it is a child of this process. */
  readonly pid: number | undefined;
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
  /** Launch, instead of go: prepared, and left to wait for `sendGo`; answered by `held`. */
  hold(): void;
  /**
   * Launch, of a plan with sync.program: what comes in its place, and the helper's own 0, 1 and 2. To be followed by `go`.
   *
   * @returns false: it is too long to be told, or this helper is no child of the spawner's
   */
  program(ops: readonly EnterOp[], stdio: LaunchStdioTriple): boolean;
  /** Launch: this process sees to what follows the zone's end, instead of what exit.spawn names, as long as it lives. */
  claim(): void;
  /** Launch: the zone is killed when this process ends, however it does, or detaches. */
  tie(): void;
  /** To the zone's pid 1, or the command. */
  signal(number: number): void;
  winsize(rows: number, columns: number): void;
  /** Launch: lets the monitor live on alone; this process no longer waits for it. */
  detach(): void;
}

/**
 * Starts the helper on a plan, as a child of this process.
 * @throws HOST_HELPER_MISSING
 */
export function spawnSession(mode: SessionMode, ops: readonly EnterOp[], options: SessionOptions = {}): HelperSession {
  options.signal?.throwIfAborted();
  const [stdin = 'ignore', stdout = 'ignore', stderr = 'ignore'] = (options.stdio ?? []).map(childStdio);
  // A plan that cannot be sent must not leave a helper behind that waits for it.
  const child = { mode, plan: encodePlan(ops), stdio: [stdin, stdout, stderr], program: options.program } as const;
  return new Session({ mode, ops, signal: options.signal }, (listener) => childChannel(child, listener));
}

/**
 * The same for `launch`, by way of the spawner where its stdio can be had there: a fork of this process is the dearest step of
 * a start.
 * @throws HOST_HELPER_MISSING
 */
export async function launchSession(ops: readonly EnterOp[], options: SessionOptions = {}): Promise<HelperSession> {
  options.signal?.throwIfAborted();
  const stdio = threeOf(options).map(launchStdio);
  const forker = stdio.includes(undefined) ? undefined : await spawner();
  if (forker === undefined) return spawnSession('launch', ops, options);
  options.signal?.throwIfAborted();
  const launch = { mode: 'launch', plan: encodePlan(ops), stdio: stdio.filter((one) => one !== undefined) } as const;
  return new Session({ mode: 'launch', ops, signal: options.signal }, (listener) =>
    forkedChannel(forker, launch, listener),
  );
}

/**
 * The same for `enter`, where all of its stdio are pipes to this process, or nothing. What a command inherits is its caller's, who is a
 * command line and has no time for a spawner.
 * @throws HOST_HELPER_MISSING
 */
export async function enterSession(ops: readonly EnterOp[], options: SessionOptions = {}): Promise<HelperSession> {
  options.signal?.throwIfAborted();
  const stdio = threeOf(options).filter((one) => one === 'pipe' || one === 'ignore');
  const forker = stdio.length < 3 ? undefined : await spawner();
  if (forker === undefined) return spawnSession('enter', ops, options);
  options.signal?.throwIfAborted();
  const open = await pipedChannel(forker, { mode: 'enter', plan: encodePlan(ops), stdio });
  return new Session({ mode: 'enter', ops, signal: options.signal }, open);
}

const threeOf = ({ stdio }: SessionOptions) => [0, 1, 2].map((fd) => stdio?.[fd] ?? 'ignore');

function childStdio(choice: StdioChoice | LaunchStdio): StdioChoice {
  if (typeof choice === 'number' || !choice.includes(':')) return choice as StdioChoice;
  throw new Error('the spawner has ended, and with it the descriptors of its clients');
}

function launchStdio(choice: StdioChoice | LaunchStdio, fd: number): LaunchStdio | undefined {
  if (choice === 'pipe') return undefined;
  return choice === 'inherit' ? fd : choice;
}

interface SessionParts {
  readonly mode: SessionMode;
  readonly ops: readonly EnterOp[];
  readonly signal: AbortSignal | undefined;
}

class Session implements HelperSession {
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly exited: Promise<number>;
  readonly #mode: SessionMode;
  readonly #channel: HelperChannel;
  #ops: readonly EnterOp[];
  readonly #events = new EventBoard();
  #hasGone = false;
  #isClosing = false;

  constructor({ mode, ops, signal }: SessionParts, open: (listener: ChannelListener) => HelperChannel) {
    this.#mode = mode;
    this.#ops = ops;
    this.#channel = open({
      line: (line) => this.#receive(line),
      closed: () => {
        if (!this.#isClosing) this.#events.fail(diedError('ended without saying why'));
      },
      failed: (cause) => this.#events.fail(diedError('could not be started', cause)),
    });
    ({ pid: this.pid, exited: this.exited } = this.#channel);
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = this.#channel);
    this.#obey(signal);
  }

  expect<Name extends EventName>(event: Name): Promise<EventOf<Name>> {
    return this.#events.expect(event);
  }

  go(): void {
    this.#hasGone = true;
    this.#send('go');
  }

  hold(): void {
    this.#hasGone = true;
    this.#send('hold');
  }

  program(ops: readonly EnterOp[], stdio: LaunchStdioTriple): boolean {
    const plan = encodePlan(ops);
    if (this.#isClosing || this.#channel.program === undefined || plan.length > longestProgram) return false;
    this.#ops = ops;
    this.#channel.program(stdio, Buffer.concat([Buffer.from(`program ${plan.length}\n`), plan]));
    return true;
  }

  claim(): void {
    this.#send('claim');
  }

  tie(): void {
    this.#send('tie');
  }

  signal(number: number): void {
    this.#send(`signal ${number}`);
  }

  winsize(rows: number, columns: number): void {
    this.#send(`winsize ${rows} ${columns}`);
  }

  detach(): void {
    this.#close(new Error('the session was detached'));
    this.#channel.unref();
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
    if (!this.#isClosing) this.#channel.send(`${line}\n`);
  }

  #close(reason: unknown): void {
    this.#isClosing = true;
    this.#events.fail(reason);
    this.#channel.close();
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
    // While the pipes came.
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    void this.exited.then(() => signal.removeEventListener('abort', abort));
  }
}

/** LATE_MAX_BYTES of native/late.h; and less than a socket takes in one piece (net.core.wmem_default). */
const longestProgram = 100_000;

const knownEvents = ['created', 'held', 'started', 'exited', 'error'];

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
