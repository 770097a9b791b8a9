/**
 * What is true of many zones, in one question to a process beside this one (native/look.h). It is started on first use, keeps nobody
 * from exiting, and ends with this process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { encodeLookFrame, FrameReader, tokens } from './frames.js';
import { helperPath } from './locate.js';

/** `DIRECTORY/NAME/file` of each zone. */
export interface LookPlace {
  readonly directory: string;
  readonly file: string;
}

export interface LookRequest {
  /** One that is always looked at, three where the process is not alive. */
  readonly files: readonly [LookPlace, LookPlace, LookPlace, LookPlace];
  /** What says of a group whether it is frozen; `undefined`: the host has no freezer. */
  readonly freezer: LookPlace | undefined;
  readonly zones: readonly LookZone[];
}

export interface LookZone {
  readonly name: string;
  readonly group: string;
  /** The one that is asked about. */
  readonly process: { readonly pid: number; readonly startTime: string } | undefined;
}

/** By which a file that has been replaced or written to is another one. Times as node's Stats has them. */
export interface FileIdentity {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** none: there is none · unknown: it cannot be told, or was not looked at */
export type SeenFile = FileIdentity | 'none' | 'unknown';

export interface Looked {
  /** By its place in the request. */
  file(at: number): SeenFile;
  readonly isAlive: boolean;
  readonly isFrozen: boolean;
}

let current: Looker | undefined;

/** @returns `undefined` if nobody can say */
export async function look(request: LookRequest): Promise<readonly Looked[] | undefined> {
  current ??= new Looker(() => {
    current = undefined;
  });
  const answer = await current.ask(encodeRequest(request));
  return answer === undefined ? undefined : decodeLooked(answer, request.zones.length);
}

class Looker {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #asked = new Map<number, (answer: Buffer | undefined) => void>();
  #lastId = 0;

  constructor(onEnd: () => void) {
    this.#child = spawn(helperPath(), ['look'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: {},
      cwd: '/',
      detached: true,
    });
    this.#child.on('error', () => {});
    this.#child.unref();
    this.#socket = this.#child.stdio[3] as Socket;
    const reader = new FrameReader();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const { id, bytes } of reader.read(chunk)) this.#settle(id, bytes);
    });
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      onEnd();
      for (const id of [...this.#asked.keys()]) this.#settle(id, undefined);
    });
    this.#socket.unref();
  }

  ask(text: string): Promise<Buffer | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#socket.ref();
      if (this.#socket.writable) this.#socket.write(encodeLookFrame(id, text));
      else this.#settle(id, undefined);
    });
  }

  #settle(id: number, answer: Buffer | undefined): void {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
    if (this.#asked.size === 0) this.#socket.unref();
  }
}

function encodeRequest({ files: places, freezer, zones }: LookRequest): string {
  const all = [...places, freezer ?? { directory: '', file: '' }].flatMap(({ directory, file }) => [directory, file]);
  const each = zones.map(
    ({ name, group, process }) => `${name}\0${group}\0${process?.pid ?? 0}\0${process?.startTime ?? 0}\0`,
  );
  return tokens(...all, zones.length) + each.join('');
}

const files = 4;
const perFile = 6;
const perZone = files * perFile + 2;
const notThere = -1;

function decodeLooked(bytes: Buffer, zones: number): Looked[] | undefined {
  if (bytes.length !== zones * perZone * Float64Array.BYTES_PER_ELEMENT) return undefined;
  // Copied: numbers have to lie where numbers lie.
  const numbers = new Float64Array(Uint8Array.from(bytes).buffer);
  return Array.from({ length: zones }, (_, zone) => {
    const at = zone * perZone;
    return {
      file: (file) => seenFile(numbers, at + file * perFile),
      isAlive: numbers[at + files * perFile] === 1,
      isFrozen: numbers[at + files * perFile + 1] === 1,
    };
  });
}

function seenFile(numbers: Float64Array, at: number): SeenFile {
  const number = (offset: number) => numbers[at + offset] ?? notThere;
  const ino = number(0);
  if (ino < 0) return ino === notThere ? 'none' : 'unknown';
  const [mtimeMs, ctimeMs] = [number(2) * 1e3 + number(3) / 1e6, number(4) * 1e3 + number(5) / 1e6];
  return { ino, size: number(1), mtimeMs, ctimeMs };
}
