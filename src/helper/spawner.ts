/**
 * The spawner: one small native process beside this one (native/spawner.h) that takes locks on this process's descriptors and
 * forks helpers. It is started on first use, keeps nobody from exiting, and ends with this process.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeFrame, FrameReader, frameKinds, tokens } from './frames.js';
import { helperPath } from './locate.js';

/** What the spawner tells of one launched helper. */
export interface LaunchedListener {
  /** Where this process's ends of its pipes can be opened, until it returns. */
  pipes?(paths: readonly (string | undefined)[]): void;
  /** Of what it writes to its fd 4. */
  data(text: string): void;
  /** The end of that. */
  closed(): void;
  exited(status: number): void;
}

export interface Launched {
  send(text: string): void;
  /** The bytes to its fd 4, with what is to be its 0, 1 and 2. If that cannot be, its fd 4 is closed. */
  program(stdio: LaunchStdioTriple, bytes: Buffer): void;
  /** Closes its fd 4. */
  close(): void;
  /** Nothing of it is of interest any more. */
  forget(): void;
}

/** A descriptor of this process, one of a client's (`ID:N`), a pipe to this process, or nothing (`/dev/null`). */
export type LaunchStdio = number | `${number}:${number}` | 'pipe' | 'ignore';

const stdioToken = (one: LaunchStdio) => (one === 'ignore' ? '' : one === 'pipe' ? '|' : one);

export interface Launch {
  /** subvolume: its words are the plan, and what it says is an event. */
  readonly mode: 'launch' | 'enter' | 'subvolume';
  readonly plan: Buffer;
  readonly stdio: readonly LaunchStdio[];
}

export type LaunchStdioTriple = readonly [LaunchStdio, LaunchStdio, LaunchStdio];

/** What an engine hears of its clients; native/client.h has the tokens of a request. */
export interface ClientListener {
  request(id: number, tokens: readonly string[]): void;
  signal(id: number, number: number): void;
  /** It is gone, before it was answered. */
  gone(id: number): void;
}

let current: Promise<Spawner | undefined> | undefined;
let given: GivenSpawner | undefined;

/** One that was started for this process before it was node: its pid, and the descriptor of the socket to it. */
export interface GivenSpawner {
  readonly pid: number;
  readonly fd: number;
}

/** The first that is needed is this one. */
export function giveSpawner(one: GivenSpawner): void {
  given = one;
}

/** `undefined`: the kernel or a security module does not let another process have this one's descriptors (pidfd_getfd). */
export function spawner(): Promise<Spawner | undefined> {
  current ??= startOne().then(
    (started) => {
      void started?.ended.then(() => {
        current = undefined;
      });
      return started;
    },
    () => undefined,
  );
  return current;
}

async function startOne(): Promise<Spawner | undefined> {
  const early = given;
  given = undefined;
  return (early === undefined ? undefined : await Spawner.adopt(early)) ?? (await Spawner.start());
}

/** proc_pid_stat(5), field 4. @throws if there is no such process */
function isChild(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(process.pid);
}

export class Spawner {
  readonly ended: Promise<void>;
  readonly #pid: number | undefined;
  readonly #socket: Socket;
  readonly #locks = new Map<number, (answer: string | undefined) => void>();
  readonly #launched = new Map<number, LaunchedListener>();
  #clients: ClientListener | undefined;
  #listening: (errno: number) => void = () => {};
  #isCorked = false;
  #lastId = 0;
  #hasEnded = false;

  private constructor(pid: number | undefined, socket: Socket) {
    this.#pid = pid;
    this.#socket = socket;
    this.#socket.on('error', () => {});
    // Not `once` of node:events, which rejects on the error that a write to a dead spawner brings.
    this.ended = new Promise<void>((resolve) => this.#socket.once('close', () => resolve())).then(() => this.#fail());
  }

  /** @returns `undefined`: there is none, or not of this process */
  static async adopt({ pid, fd }: GivenSpawner): Promise<Spawner | undefined> {
    try {
      if (!isChild(pid)) return undefined;
      return await new Spawner(pid, new Socket({ fd, readable: true, writable: true })).#orNone();
    } catch {
      return undefined;
    }
  }

  /** @throws if it cannot be started */
  static async start(): Promise<Spawner | undefined> {
    const child = spawn(helperPath(), ['spawner', String(process.pid)], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: {},
      cwd: '/',
      detached: true,
    });
    // Registered before anything else can go wrong: without descriptors left there is not even a socket.
    const failed = new Promise<void>((resolve) => child.on('error', () => resolve()));
    child.unref();
    const socket = child.stdio[3] as Socket;
    void failed.then(() => socket.destroy());
    return new Spawner(child.pid, socket).#orNone();
  }

  async #orNone(): Promise<Spawner | undefined> {
    if (await this.#ready()) return this;
    this.#socket.destroy();
    return undefined;
  }

  /**
   * flock(2) on the open file description behind `fd`. `waitMs` 0 only tries.
   *
   * @returns false if somebody else kept it; `undefined` if the spawner has ended before it could say
   */
  async lock(fd: number, waitMs: number, signal?: AbortSignal): Promise<boolean | undefined> {
    signal?.throwIfAborted();
    if (this.#hasEnded) return undefined;
    const id = ++this.#lastId;
    const cancel = () => this.#send(encodeFrame('cancel', id));
    signal?.addEventListener('abort', cancel, { once: true });
    const answer = await new Promise<string | undefined>((resolve) => {
      this.#locks.set(id, resolve);
      this.#settleRef();
      this.#send(encodeFrame('lock', id, tokens(fd, waitMs)));
    });
    signal?.removeEventListener('abort', cancel);
    signal?.throwIfAborted();
    if (answer === 'ok') return true;
    if (answer === 'busy') return false;
    if (answer === undefined) return undefined;
    throw new Error(`locking file descriptor ${fd} failed: ${answer}`);
  }

  /** Forks a helper. */
  launch({ mode, plan, stdio }: Launch, listener: LaunchedListener): Launched {
    const id = ++this.#lastId;
    this.#launched.set(id, listener);
    // Its listener hears of the end when it has what this returns.
    if (this.#hasEnded) queueMicrotask(() => this.#fail());
    this.#settleRef();
    this.#send(encodeFrame('launch', id, tokens(mode, ...stdio.map(stdioToken)), plan));
    // What this turn still has to do is done while the helper makes the zone.
    this.#flush();
    return {
      send: (text) => this.#send(encodeFrame('send', id, text)),
      program: (own, bytes) => this.#send(encodeFrame('program', id, tokens(...own.map(stdioToken)), bytes)),
      close: () => this.#send(encodeFrame('close', id)),
      forget: () => {
        this.#launched.delete(id);
        this.#settleRef();
      },
    };
  }

  /**
   * Listens for clients at a path, or on a descriptor of this process that listens already.
   *
   * @param group a group whose members may talk to it, besides root
   * @returns 0, or the errno
   */
  async listen(where: string | number, group: number | undefined, clients: ClientListener): Promise<number> {
    this.#clients = clients;
    this.#socket.ref();
    return new Promise((resolve) => {
      this.#listening = resolve;
      this.#send(encodeFrame('listen', 0, tokens(where, group ?? '')));
    });
  }

  /** A frame of native/client.h to a client; nothing follows the last one. */
  reply(id: number, frame: Buffer, isLast = false): void {
    this.#send(encodeFrame(isLast ? 'last' : 'reply', id, frame));
  }

  async #ready(): Promise<boolean> {
    return new Promise((resolve) => {
      const reader = new FrameReader();
      this.#socket.on('data', (chunk: Buffer) => {
        for (const frame of reader.read(chunk)) {
          if (frame.kind !== frameKinds.ready) this.#handlers[frame.kind]?.(frame.id, frame.bytes);
          else resolve(textOf(frame.bytes) === 'ok');
        }
        this.#settleRef();
      });
      void this.ended.then(() => resolve(false));
    });
  }

  /** By the kind of frame. */
  readonly #handlers: Readonly<Record<number, (id: number, bytes: Buffer) => void>> = {
    [frameKinds.locked]: (id, bytes) => {
      this.#locks.get(id)?.(textOf(bytes));
      this.#locks.delete(id);
    },
    [frameKinds.pipes]: (id, bytes) => {
      const numbers = textOf(bytes).split('\0');
      const directory = `/proc/${this.#pid}/fd`;
      this.#launched.get(id)?.pipes?.(numbers.map((number) => (number === '' ? undefined : `${directory}/${number}`)));
      this.#send(encodeFrame('taken', id));
    },
    [frameKinds.event]: (id, bytes) => this.#launched.get(id)?.data(bytes.toString()),
    [frameKinds.closed]: (id) => this.#launched.get(id)?.closed(),
    [frameKinds.exited]: (id, bytes) => {
      this.#launched.get(id)?.exited(Number(textOf(bytes)));
      this.#launched.delete(id);
    },
    [frameKinds.listening]: (_, bytes) => this.#listening(Number(textOf(bytes))),
    [frameKinds.client]: (id, bytes) => this.#clients?.request(id, textOf(bytes).split('\0')),
    [frameKinds.clientSignal]: (id, bytes) => this.#clients?.signal(id, Number(textOf(bytes))),
    [frameKinds.clientGone]: (id) => this.#clients?.gone(id),
  };

  /**
   * An engine says what it has to say once a turn, and wakes the spawner once. Elsewhere a frame leaves at once: this process may end
   * before the turn does.
   */
  #send(frame: Buffer): void {
    if (!this.#socket.writable) return;
    if (this.#clients !== undefined && !this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => this.#flush());
    }
    this.#socket.write(frame);
  }

  #flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  }

  /** An answer that is waited for keeps this process; nothing else here does. */
  #settleRef(): void {
    if (this.#clients !== undefined || this.#locks.size + this.#launched.size > 0) this.#socket.ref();
    else this.#socket.unref();
  }

  #fail(): void {
    this.#hasEnded = true;
    for (const resolve of this.#locks.values()) resolve(undefined);
    for (const listener of this.#launched.values()) {
      listener.closed();
      listener.exited(125);
    }
    this.#locks.clear();
    this.#launched.clear();
  }
}

const textOf = (bytes: Buffer) => bytes.toString().replace(/\0$/, '');
