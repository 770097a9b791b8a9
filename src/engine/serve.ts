/**
 * The engine: a process that stays warm and runs the command lines of its clients, with nothing in it that disk and kernel do
 * not have. Killed, it loses nothing: the next command finishes or takes back what was half done.
 */
import { chmod, chown, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { dropKeptGroups, keepSharedGroups } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { encodeClientFrame, type Spawner, spawner } from '../helper/index.js';
import {
  acquireLock,
  isErrno,
  keepParsedFiles,
  makeStateDirectory,
  readJson,
  readProcess,
  type Versioned,
  writeRunTimeFile,
} from '../state/index.js';
import { type EngineRequest, parseRequest } from './request.js';

export interface EngineClient {
  readonly request: EngineRequest;
  write(stream: 'stdout' | 'stderr', text: string): void;
  /** The client waits no longer, whatever is still being done for it. */
  release(status: number): void;
  /** Calls back for each signal that the client is sent; SIGHUP also when the client is gone. */
  onSignal: (number: number) => void;
}

/** @returns the exit status; 'decline': nothing was done or said, the client has to do it itself */
export type EngineHandler = (client: EngineClient) => Promise<number | 'decline'>;

export interface EngineOptions {
  readonly runRoot: string;
  readonly version: string;
  /** A socket that listens already, as systemd hands it over. */
  readonly listener?: number | undefined;
  /** Its members may talk to the engine, besides root. */
  readonly group?: number | undefined;
  /** Ends when nobody has asked for anything that long. */
  readonly idleMs?: number | undefined;
  readonly signal: AbortSignal;
  readonly onListening?: (() => void) | undefined;
  /** Done when the last client has been served. */
  readonly finish?: (() => Promise<void>) | undefined;
}

export const enginePaths = (runRoot: string) => ({
  socket: join(runRoot, 'engine.sock'),
  lock: join(runRoot, 'engine.lock'),
  record: join(runRoot, 'engine.json'),
});

interface EngineRecord extends Versioned {
  readonly version: 1;
  readonly pid: number;
  readonly startTime: string;
}

/**
 * Asks the engine to finish what it has begun and to end, and waits for that.
 *
 * @returns false: there is none
 * @throws LOCK_BUSY it is still there at the end of the time
 */
export async function stopEngine(runRoot: string, timeoutMs = 30_000): Promise<boolean> {
  const { lock } = enginePaths(runRoot);
  if (!(await signalEngine(runRoot, 'SIGTERM'))) return false;
  await using _lock = await acquireLock(lock, { what: 'the engine', timeoutMs });
  return true;
}

/** To an engine: zones that it has made ahead are to go. */
export const dropReadySignal = 'SIGUSR2';

/** By a process of its own, which has none of its own. @returns false: there is no engine */
export function askToDropReady(runRoot: string): Promise<boolean> {
  return signalEngine(runRoot, dropReadySignal);
}

async function signalEngine(runRoot: string, signal: NodeJS.Signals): Promise<boolean> {
  const found = await readJson<EngineRecord>(enginePaths(runRoot).record, 1);
  const alive = found === undefined ? undefined : await readProcess(found.pid);
  if (found === undefined || alive?.startTime !== found.startTime) return false;
  try {
    process.kill(found.pid, signal);
  } catch (error) {
    // It has ended since it was looked at.
    if (isErrno(error, 'ESRCH')) return false;
    throw error;
  }
  return true;
}

const SIGHUP = 1;

/**
 * Serves until it is aborted or idle; what has been begun is finished first.
 *
 * @throws ENGINE_RUNNING another one serves this run-time directory · HOST_FEATURE_MISSING without pidfd_getfd(2)
 */
export async function serveEngine(options: EngineOptions, handle: EngineHandler): Promise<void> {
  const { socket, lock, record } = enginePaths(options.runRoot);
  keepParsedFiles();
  await makeStateDirectory(options.runRoot);
  await using _lock = await acquireLock(lock, { what: 'the engine', timeoutMs: 0 }).catch((cause: unknown) => {
    throw zoneError('ENGINE_RUNNING', `an engine serves "${options.runRoot}" already`, {
      hint: 'Use it, or end it first: "tszone engine --stop".',
      context: { path: socket },
      cause,
    });
  });
  const forker = await spawner();
  if (forker === undefined) throw noSpawner();
  const clients = new Clients(forker, options, handle);
  await openDoor(options);
  const errno = await forker.listen(options.listener ?? socket, options.group, clients);
  if (errno !== 0) throw cannotListen(socket, errno);
  const startTime = (await readProcess(process.pid))?.startTime ?? '';
  await writeRunTimeFile(record, JSON.stringify({ version: 1, pid: process.pid, startTime } satisfies EngineRecord));
  options.onListening?.();
  keepSharedGroups();
  await clients.served;
  await options.finish?.();
  dropKeptGroups();
  // The last answer leaves at the end of this turn.
  await nextTurn();
  // Whoever comes now finds no socket, and does its work itself.
  if (options.listener === undefined) await rm(socket, { force: true });
  await rm(record, { force: true });
  if (options.group !== undefined) await openDoor({ runRoot: options.runRoot, group: undefined });
}

/** The group has to get to the socket, and to nothing else in there. */
async function openDoor({ runRoot, group }: Pick<EngineOptions, 'runRoot' | 'group'>): Promise<void> {
  await chown(runRoot, 0, group ?? 0);
  await chmod(runRoot, group === undefined ? 0o700 : 0o710);
}

class Clients {
  readonly served: Promise<void>;
  readonly #active = new Map<number, EngineClient>();
  readonly #forker: Spawner;
  readonly #options: EngineOptions;
  readonly #handle: EngineHandler;
  #end: () => void = () => {};
  #idle: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(forker: Spawner, options: EngineOptions, handle: EngineHandler) {
    this.#forker = forker;
    this.#options = options;
    this.#handle = handle;
    this.served = new Promise((resolve) => {
      this.#end = () => {
        // Who asks while it takes itself apart does it without.
        this.#isOver = true;
        resolve();
      };
    });
    options.signal.addEventListener('abort', () => this.#settle(), { once: true });
    void forker.ended.then(() => this.#end());
    this.#settle();
  }

  request(id: number, tokens: readonly string[]): void {
    const request = parseRequest(id, tokens, this.#options.version);
    if (request === undefined || this.#isOver || this.#options.signal.aborted) {
      this.#forker.reply(id, encodeClientFrame('decline'), true);
      return;
    }
    clearTimeout(this.#idle);
    this.#forker.reply(id, encodeClientFrame('accept'));
    const client: EngineClient = {
      request,
      write: (stream, text) => this.#forker.reply(id, encodeClientFrame(stream, text)),
      release: (status) => this.#forker.reply(id, encodeClientFrame('exit', `${status}\0`), true),
      onSignal: () => {},
    };
    this.#active.set(id, client);
    void this.#serve(id, client);
  }

  signal(id: number, number: number): void {
    this.#active.get(id)?.onSignal(number);
  }

  gone(id: number): void {
    this.#active.get(id)?.onSignal(SIGHUP);
  }

  async #serve(id: number, client: EngineClient): Promise<void> {
    const status = await this.#handle(client).catch(() => 1);
    const last = status === 'decline' ? encodeClientFrame('decline') : encodeClientFrame('exit', `${status}\0`);
    this.#forker.reply(id, last, true);
    this.#active.delete(id);
    this.#settle();
  }

  #settle(): void {
    if (this.#active.size > 0) return;
    const { signal, idleMs } = this.#options;
    clearTimeout(this.#idle);
    if (signal.aborted) this.#end();
    else if (idleMs !== undefined) this.#idle = setTimeout(() => this.#end(), idleMs);
  }
}

function noSpawner(): Error {
  return zoneError('HOST_FEATURE_MISSING', 'the engine cannot take descriptors of its own process (pidfd_getfd)', {
    hint: 'Run it with CAP_SYS_PTRACE, on Linux 5.6 or newer.',
  });
}

function cannotListen(path: string, errno: number): Error {
  const name = getSystemErrorName(-errno);
  return zoneError('KERNEL_STEP_FAILED', `the engine cannot listen at "${path}": ${name}`, {
    hint: `Look at the directory of "${path}", or choose another with --run-root.`,
    context: { step: 'engine', syscall: 'bind', errno: name, path },
  });
}
