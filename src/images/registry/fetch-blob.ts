/** A blob into a file, which may hold the beginning already; what is there at the end is what was asked for. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../../errors/index.js';
import { diskFull } from '../../state/index.js';
import type { Descriptor } from '../oci/documents.js';
import { type ContentSource, digestMismatch } from '../oci/source.js';

export interface FetchOptions {
  readonly path: string;
  /** Told of each piece, also of what was there already. */
  readonly onBytes?: ((count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Without a byte in between. */
const triesWithoutProgress = 4;
const triesInAll = 50;
const firstPauseMs = 250;

interface PartialBlob {
  readonly file: FileHandle;
  readonly descriptor: Descriptor;
  hash: Hash;
  size: number;
}

/**
 * A connection that breaks is taken up where it broke, now or by the next call.
 *
 * @throws IMAGE_DIGEST_MISMATCH, RESOURCE_DISK_FULL; what the source throws
 */
export async function fetchBlob(source: ContentSource, descriptor: Descriptor, options: FetchOptions): Promise<void> {
  await using file = await open(options.path, 'a+', 0o600);
  const partial: PartialBlob = { file, descriptor, hash: createHash('sha256'), size: 0 };
  await readBack(partial, options);
  const wasThere = partial.size > 0;
  await fetchRest(source, partial, options);
  if (isRight(partial)) return;
  // What an earlier call has left may have been damaged since, by a power cut for one.
  if (wasThere) {
    await restart(partial);
    await fetchRest(source, partial, options);
    if (isRight(partial)) return;
  }
  throw wrongSize(partial, partial.size);
}

function isRight({ hash, descriptor }: PartialBlob): boolean {
  return `sha256:${hash.copy().digest('hex')}` === descriptor.digest;
}

async function restart(partial: PartialBlob): Promise<void> {
  await partial.file.truncate(0);
  partial.hash = createHash('sha256');
  partial.size = 0;
}

async function readBack(partial: PartialBlob, { onBytes, signal }: FetchOptions): Promise<void> {
  const { size } = await partial.file.stat();
  if (size > partial.descriptor.size) return restart(partial);
  const buffer = Buffer.alloc(1 << 20);
  while (partial.size < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await partial.file.read(buffer, 0, buffer.length, partial.size);
    if (bytesRead === 0) return;
    partial.hash.update(buffer.subarray(0, bytesRead));
    partial.size += bytesRead;
    onBytes?.(bytesRead);
  }
}

async function fetchRest(source: ContentSource, partial: PartialBlob, options: FetchOptions): Promise<void> {
  const { descriptor } = partial;
  let idle = 0;
  for (let count = 1; partial.size < descriptor.size; count += 1) {
    // Whoever cannot be reached has been asked several times in there.
    const stream = await source.openBlob(descriptor, partial.size, options.signal);
    if (stream.offset !== partial.size) await restart(partial);
    const before = partial.size;
    try {
      await append(stream.chunks, partial, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      idle = partial.size > before ? 0 : idle + 1;
      const isOver = idle === triesWithoutProgress || count === triesInAll;
      if (isOver || !hasCode(error, 'REGISTRY_UNREACHABLE')) throw error;
      await sleep(firstPauseMs * 2 ** idle, undefined, { signal: options.signal });
    }
  }
}

/** The stream ends where the blob does, or throws. */
async function append(chunks: AsyncIterable<Buffer>, partial: PartialBlob, { onBytes }: FetchOptions): Promise<void> {
  const { descriptor, file } = partial;
  for await (const chunk of chunks) {
    if (partial.size + chunk.length > descriptor.size) throw wrongSize(partial, partial.size + chunk.length);
    await file.appendFile(chunk).catch((error: unknown) => {
      throw diskFull(error, 'the layers of an image');
    });
    partial.hash.update(chunk);
    partial.size += chunk.length;
    onBytes?.(chunk.length);
  }
  if (partial.size < descriptor.size) throw wrongSize(partial, partial.size);
}

function wrongSize({ descriptor }: PartialBlob, size: number): Error {
  return digestMismatch(descriptor.digest, { size, wantedSize: descriptor.size });
}
