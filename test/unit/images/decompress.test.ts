import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { compressionOf, decompress } from '../../../src/images/decompress.js';

const data = Buffer.concat([randomBytes(300_000), Buffer.alloc(200_000, 'a')]);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function through(bytes: Buffer, size = 50_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of decompress(inPieces(bytes, size))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function isRefused(bytes: Buffer): Promise<boolean> {
  return through(bytes).then(
    () => false,
    (error: unknown) => hasCode(error, 'IMAGE_ARCHIVE_INVALID'),
  );
}

const withTool = (tool: string, input: Buffer) => spawnSync(tool, ['-c'], { input, maxBuffer: 1 << 24 }).stdout;

const forms = [
  ['plain', (input: Buffer) => input],
  ['gzip', gzipSync],
  ['xz', (input: Buffer) => withTool('xz', input)],
  ['zstd', (input: Buffer) => withTool('zstd', input)],
] as const;

describe('decompression', () => {
  for (const [name, compress] of forms) {
    it(`reads ${name}, in pieces of any size`, async () => {
      expect((await through(compress(data))).equals(data)).to.equal(true);
      const little = data.subarray(0, 1000);
      expect((await through(compress(little), 1)).equals(little)).to.equal(true);
    });
  }

  for (const [name, compress] of forms.slice(1)) {
    it(`refuses ${name} that is cut off or damaged`, async () => {
      const whole = compress(data);
      for (const length of [8, 1000, whole.length - 4]) {
        expect(await isRefused(whole.subarray(0, length)), String(length)).to.equal(true);
      }
      const damaged = Buffer.from(whole);
      damaged.fill(0x55, 150_000, 150_100);
      expect(await isRefused(damaged)).to.equal(true);
    });
  }

  it('refuses what is empty, and forms that it does not read', async () => {
    expect(await isRefused(Buffer.alloc(0))).to.equal(true);
    for (const head of ['BZh9', 'PK\x03\x04'])
      expect(() => compressionOf(Buffer.from(head, 'latin1'))).to.throw('cannot be imported');
  });

  it('passes on what the source throws', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield gzipSync(data).subarray(0, 1000);
      throw new Error('the source broke');
    }
    const reading = (async () => {
      for await (const _ of decompress(broken()));
    })();
    expect(await reading.catch((error: Error) => error.message)).to.equal('the source broke');
  });

  it('ends the program when nobody reads on', async () => {
    for (const compress of [forms[2][1], forms[3][1]]) {
      for await (const _ of decompress(inPieces(compress(data), 1000))) break;
    }
  });
});
