import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  clientFrames,
  encodeClientFrame,
  encodeFrame,
  type Frame,
  FrameReader,
  frameKinds,
  lookFrames,
  tokens,
} from '../../../src/helper/frames.js';

/** `FRAME_CLIENT_GONE = 108` → `clientGone: 108`. */
function enumOf(header: string, name: string, prefix: string): Record<string, number> {
  const text = readFileSync(fileURLToPath(new URL(`../../../native/${header}`, import.meta.url)), 'utf8');
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(text)?.[1] ?? '';
  const members = [...body.matchAll(/(\w+) = (\d+)/g)];
  return Object.fromEntries(
    members.map(([, word = '', number]) => [
      word
        .replace(prefix, '')
        .toLowerCase()
        .replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      Number(number),
    ]),
  );
}

const kinds = Object.keys(frameKinds) as (keyof typeof frameKinds)[];
const frames = fc.array(
  fc.record({ kind: fc.constantFrom(...kinds), id: fc.nat(0xffff_ffff), body: fc.uint8Array({ maxLength: 300 }) }),
  { maxLength: 8 },
);

function readAll(chunks: readonly Buffer[]): Frame[] {
  const reader = new FrameReader();
  // Copied: a frame may lie in the chunk that it came with, which a socket does not use again either.
  return chunks.flatMap((chunk) => [...reader.read(Buffer.from(chunk))]);
}

describe('frames', () => {
  it('have the numbers of the native side', () => {
    expect(enumOf('spawner.h', 'frame_kind', 'FRAME_')).to.deep.equal(frameKinds);
  });

  it('of the engine have the numbers of its clients', () => {
    const { request, signal, ...said } = enumOf('client.h', 'client_frame', 'CLIENT_');
    expect(said).to.deep.equal(clientFrames);
    expect(enumOf('look.h', 'look_frame', 'LOOK_')).to.deep.equal(lookFrames);
    expect([request, signal]).to.deep.equal([1, 2]);
  });

  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(3000), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ kind, id, body }) => encodeFrame(kind, id, Buffer.from(body))));
        const at = [0, ...cuts.filter((cut) => cut < stream.length).toSorted((a, b) => a - b), stream.length];
        const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
        expect(readAll(chunks).map(({ kind, id, bytes }) => [kind, id, bytes.toString('hex')])).to.deep.equal(
          sent.map(({ kind, id, body }) => [frameKinds[kind], id, Buffer.from(body).toString('hex')]),
        );
      }),
    );
  });

  it('come out one by one from single bytes, each as soon as it is whole', () => {
    const stream = Buffer.concat([encodeFrame('event', 7, 'one'), encodeFrame('closed', 8)]);
    const reader = new FrameReader();
    const ends = [...stream].flatMap((byte, at) => [...reader.read(Buffer.from([byte]))].map(({ id }) => [at + 1, id]));
    expect(ends).to.deep.equal([
      [15, 7],
      [27, 8],
    ]);
  });

  it('carry several parts as one body, and tokens with their NULs', () => {
    const [frame] = readAll([encodeFrame('launch', 3, tokens(0, '', '5:1'), Buffer.from('plan'))]);
    expect(frame?.bytes.toString()).to.equal('0\0\x005:1\0plan');
    const [said] = readAll([encodeClientFrame('stderr', 'no\n')]);
    expect([said?.kind, said?.bytes.toString()]).to.deep.equal([12, 'no\n']);
  });
});
