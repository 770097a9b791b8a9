/** Talks to a zone's monitor over its unix socket: docs/internals/monitor.md. */
import { closeSync, constants, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { zoneError } from '../errors/index.js';
import type { HelperEvent } from './protocol.js';

type ExitedEvent = Extract<HelperEvent, { event: 'exited' }>;

/** sun_path holds 107 bytes and a NUL. */
const longestSocketPath = 107;
const goneCodes = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'];
/** What a monitor says that has too many clients of a kind. */
const busy = 'busy';
const longestPauseMs = 250;
const requestLimitMs = 10_000;

/**
 * Waits until the zone has ended and its monitor has cleaned up.
 * @param told of the zone's end, before the monitor has cleaned up
 * @returns how it ended, or `undefined` if the monitor was gone before it could say (the exit record tells)
 * @throws the signal's reason when aborted
 */
export async function waitForExit(
  path: string,
  signal?: AbortSignal,
  told: () => void = () => {},
): Promise<ExitedEvent | undefined> {
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const onLine = (line: string) => line.includes('"exited"') && told();
    const lines = await converse(path, 'wait', { signal, onLine });
    const line = lines?.find((text) => text.includes('"exited"'));
    if (line !== undefined) return JSON.parse(line) as ExitedEvent;
    if (lines === undefined) return undefined;
    // Too many wait: until there is room, asking again is how the end is seen.
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    signal?.throwIfAborted();
  }
}

/** To the zone's pid 1. A zone that has ended is no error. @throws KERNEL_STEP_FAILED */
export async function sendSignal(path: string, number: number): Promise<void> {
  await request(path, `signal ${number}`, ['ESRCH', 'EBADF']);
}

/** Releases a prepared zone. @returns false if it could not start, or there is none */
export async function sendGo(path: string): Promise<boolean> {
  return (await converse(path, 'go', { isAnswered: true }))?.[0] === 'ok';
}

/** Of the console. A zone that has ended is no error. @throws KERNEL_STEP_FAILED (a zone without a console: EBADF) */
export async function setWinsize(path: string, rows: number, columns: number): Promise<void> {
  await request(path, `winsize ${rows} ${columns}`, []);
}

/** The console, raw, both ways; ends with the zone. @throws ZONE_NOT_RUNNING, ZONE_STATE: as many as can are attached */
export async function attachConsole(path: string): Promise<Duplex> {
  const [status = '{}'] = (await ask(path, 'status')) ?? [];
  if ((JSON.parse(status) as { isConsoleBusy?: boolean }).isConsoleBusy === true) {
    throw zoneError('ZONE_STATE', 'as many clients as there can be are attached to the console', {
      hint: 'Detach one of them, or run "tszone shell" instead.',
      context: { path },
    });
  }
  const socket = await connect(path);
  // On the wire before this returns: the monitor acts on it before a `go` that is sent later.
  if (socket !== undefined && (await tell(socket, 'console\n'))) return socket;
  throw zoneError('ZONE_NOT_RUNNING', 'the zone has no monitor', {
    hint: 'Start the zone first.',
    context: { path },
  });
}

/** @returns false: it has gone since it was connected to */
async function tell(socket: Socket, line: string): Promise<boolean> {
  socket.on('error', () => socket.destroy());
  return new Promise((resolve) => socket.write(line, (error) => resolve(!error)));
}

async function request(path: string, line: string, harmless: readonly string[]): Promise<void> {
  const lines = await ask(path, line);
  const [word, number] = (lines?.[0] ?? 'ok').split(' ');
  if (word === 'ok') return;
  const errno = Number(number);
  const errnoName = errno > 0 ? getSystemErrorName(-errno) : '';
  if (harmless.includes(errnoName)) return;
  throw zoneError('KERNEL_STEP_FAILED', `the monitor refused "${line}": ${errnoName}`, {
    hint: errnoName === 'EBADF' ? 'The zone was started without a terminal.' : 'Check the signal or size.',
    context: { step: 'monitor', syscall: '', errno, errnoName, path },
  });
}

/**
 * A question with one line as the answer: asked again when it could not be taken.
 * @returns `undefined` if nobody listens there
 * @throws WAIT_TIMEOUT
 */
async function ask(path: string, line: string): Promise<string[] | undefined> {
  const deadline = performance.now() + requestLimitMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const lines = await converse(path, line, { isAnswered: true });
    if (lines === undefined || (lines[0] !== undefined && lines[0] !== busy)) return lines;
    if (performance.now() > deadline) break;
    await sleep(pauseMs);
  }
  throw zoneError('WAIT_TIMEOUT', `the monitor did not take "${line}"`, {
    hint: `See who is connected: "ss -xp src ${path}".`,
    context: { path },
  });
}

interface Conversation {
  /** One line is the whole answer; otherwise lines are gathered up to the end of the connection. */
  readonly isAnswered?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: (line: string) => void;
}

/** The answer's lines, or `undefined` if nobody listens there. */
async function converse(
  path: string,
  line: string,
  { isAnswered = false, signal, onLine }: Conversation,
): Promise<string[] | undefined> {
  signal?.throwIfAborted();
  const socket = await connect(path);
  if (socket === undefined) return undefined;
  if (signal?.aborted === true) socket.destroy();
  return new Promise<string[]>((resolve, reject) => {
    const lines: string[] = [];
    const abort = () => socket.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    const reader = createInterface({ input: socket });
    // readline passes its input's errors on.
    reader.on('error', () => {});
    reader.on('line', (text) => {
      lines.push(text);
      onLine?.(text);
      if (isAnswered) socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!goneCodes.includes(error.code ?? '')) reject(error);
    });
    socket.on('close', () => {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve(lines);
    });
    socket.write(`${line}\n`);
  });
}

async function connect(path: string): Promise<Socket | undefined> {
  // A path too long for the kernel is reached through its directory's descriptor.
  const isLong = Buffer.byteLength(path) > longestSocketPath;
  try {
    const directory = isLong ? openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY) : undefined;
    try {
      return await connectPatiently(directory === undefined ? path : `/proc/self/fd/${directory}/${basename(path)}`);
    } finally {
      if (directory !== undefined) closeSync(directory);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && goneCodes.includes(String(error.code))) return undefined;
    throw error;
  }
}

/** EAGAIN: for the moment more connect than are taken in. */
async function connectPatiently(path: string): Promise<Socket> {
  for (let pauseMs = 1; ; pauseMs *= 2) {
    try {
      return await connectTo(path);
    } catch (error) {
      const isCrowded = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      if (!isCrowded || pauseMs > requestLimitMs) throw error;
    }
    await sleep(pauseMs);
  }
}

function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
