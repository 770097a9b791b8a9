/** zstd as its own program has it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';

/** @param bytes also in pieces, for what is too large for memory */
export async function zstdCompress(bytes: Buffer | Iterable<Buffer>): Promise<Buffer> {
  const child = spawn('zstd', ['-q', '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  Readable.from(Buffer.isBuffer(bytes) ? [bytes] : bytes).pipe(child.stdin);
  const [status] = (await once(child, 'close')) as [number];
  if (status !== 0) throw new Error(`zstd ended with ${status}`);
  return Buffer.concat(chunks);
}
