/** zstd as its own program has it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export async function zstdCompress(bytes: Buffer): Promise<Buffer> {
  const child = spawn('zstd', ['-q', '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(bytes);
  const [status] = (await once(child, 'close')) as [number];
  if (status !== 0) throw new Error(`zstd ended with ${status}`);
  return Buffer.concat(chunks);
}
