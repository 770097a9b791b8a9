/** From an archive as it comes (plain, gzip, xz, zstd; told by its first bytes) to the plain tar stream. */
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { hasCode, zoneError } from '../errors/index.js';
import { anySignal, spawnTool } from '../host/index.js';
import { isErrno } from '../state/index.js';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

const magics: readonly (readonly [Compression | 'bzip2' | 'zip', readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
];
export const longestMagic = 6;

/** @throws IMAGE_ARCHIVE_INVALID for a form that is known but not read */
export function compressionOf(head: Buffer): Compression {
  const found = magics.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte))?.[0] ?? 'none';
  if (found !== 'bzip2' && found !== 'zip') return found;
  throw zoneError('IMAGE_ARCHIVE_INVALID', `a ${found} archive cannot be imported`, {
    hint: 'Use a tar archive: plain, gzip, xz or zstd.',
    context: { format: found },
  });
}

/**
 * Ends only when the compressed stream was whole: an archive that is cut off throws, whatever was yielded before.
 *
 * @throws IMAGE_ARCHIVE_INVALID, HOST_TOOL_MISSING (xz, zstd); what `source` throws
 */
export async function* decompress(source: AsyncIterable<Buffer>, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  const head = await readHead(chunks);
  if (head.length === 0) {
    throw zoneError('IMAGE_ARCHIVE_INVALID', 'the archive is empty', {
      hint: 'Give a tar archive: plain, gzip, xz or zstd.',
    });
  }
  const compression = compressionOf(head);
  const whole = joined(head, chunks);
  if (compression === 'none') yield* whole;
  else if (compression === 'gzip') yield* throughGunzip(whole);
  else yield* throughTool(whole, compression, signal);
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < longestMagic) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* joined(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

async function* throughGunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  const feeding = pipeline(source, gunzip);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
    await feeding;
  } catch (error) {
    throw isZlibError(error) ? damaged('gzip', error) : error;
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
}

async function* throughTool(
  source: AsyncIterable<Buffer>,
  compression: 'xz' | 'zstd',
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const packageName = compression === 'xz' ? 'xz-utils' : 'zstd';
  const left = new AbortController();
  const either = anySignal([signal, left.signal]);
  const tool = spawnTool({
    tool: compression,
    args: ['-dc'],
    package: packageName,
    signal: either,
    dieWithParent: true,
  });
  // A tool that gives up early breaks the pipe; its own status says why.
  const feeding = pipeline(source, tool.stdin).catch((error: unknown) => {
    if (!isErrno(error, 'EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  });
  feeding.catch(() => undefined);
  tool.done.catch(() => undefined);
  try {
    for await (const chunk of tool.stdout) yield chunk as Buffer;
    await feeding;
    await tool.done;
  } catch (error) {
    throw hasCode(error, 'HOST_TOOL_FAILED') ? damaged(compression, error) : error;
  } finally {
    left.abort();
  }
}

export function damaged(compression: Compression, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return zoneError('IMAGE_ARCHIVE_INVALID', `the archive is damaged or cut off (${compression})`, {
    hint: 'Check where the archive comes from, fetch it again, and repeat the command.',
    context: { compression, reason },
    cause,
  });
}
