/** Frames on the spawner's stream socket; native/spawner.h has what they mean. */

/** The same numbers as `enum frame_kind`; a unit test compares them. */
export const frameKinds = {
  lock: 1,
  cancel: 2,
  launch: 3,
  send: 4,
  close: 5,
  listen: 6,
  reply: 7,
  last: 8,
  taken: 9,
  program: 10,
  ready: 100,
  locked: 101,
  event: 102,
  closed: 103,
  exited: 104,
  listening: 105,
  client: 106,
  clientSignal: 107,
  clientGone: 108,
  pipes: 109,
} as const;

const headBytes = 12;
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly bytes: Buffer;
}

export function encodeFrame(kind: keyof typeof frameKinds, id: number, ...parts: readonly (string | Buffer)[]): Buffer {
  return encode(frameKinds[kind], id, parts);
}

/** What an engine says to its clients: the same numbers as `enum client_frame` of native/client.h. */
export const clientFrames = { accept: 10, stdout: 11, stderr: 12, exit: 13, decline: 14 } as const;

/** What is asked of mode `look`: the same numbers as `enum look_frame` of native/look.h. */
export const lookFrames = { ask: 20, answer: 21 } as const;

export function encodeLookFrame(id: number, text: string): Buffer {
  return encode(lookFrames.ask, id, [text]);
}

export function encodeClientFrame(kind: keyof typeof clientFrames, text = ''): Buffer {
  return encode(clientFrames[kind], 0, [text]);
}

function encode(kind: number, id: number, parts: readonly (string | Buffer)[]): Buffer {
  const bodies = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const head = Buffer.alloc(headBytes);
  const size = bodies.reduce((sum, body) => sum + body.length, 0);
  const words = [size, id, kind];
  for (const [at, word] of words.entries()) {
    if (isLittleEndian) head.writeUInt32LE(word, at * 4);
    else head.writeUInt32BE(word, at * 4);
  }
  return Buffer.concat([head, ...bodies]);
}

/** NUL-terminated tokens. */
export function tokens(...words: readonly (string | number)[]): string {
  return words.map((word) => `${word}\0`).join('');
}

/** Cuts a stream into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *read(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const word = (at: number) => (isLittleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    while (bytes.length >= headBytes) {
      const end = headBytes + word(0);
      if (bytes.length < end) break;
      yield { id: word(4), kind: word(8), bytes: bytes.subarray(headBytes, end) };
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
