/** Where an image comes from: a registry, or a layout on disk. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { zoneError } from '../../errors/index.js';
import { type Descriptor, invalid, maxDocumentBytes } from './documents.js';

export interface BlobStream {
  /** Of the first byte: 0 if the source cannot begin later. */
  readonly offset: number;
  readonly chunks: AsyncIterable<Buffer>;
}

export interface ContentSource {
  /** Not checked. At most `maxDocumentBytes` are read. */
  readDocument(descriptor: Descriptor, signal?: AbortSignal): Promise<Buffer>;
  /** Not checked. */
  openBlob(descriptor: Descriptor, offset: number, signal?: AbortSignal): Promise<BlobStream>;
  /** Of a source on this machine: the blob's file, at its beginning. Not checked. */
  openFile?(descriptor: Descriptor): Promise<FileHandle>;
}

/** An index, manifest or config, with the size and digest that it has to have. */
export async function readVerified(
  source: ContentSource,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Buffer> {
  requireDocumentSize(descriptor.size);
  const content = await source.readDocument(descriptor, signal);
  requireDigest(descriptor, `sha256:${createHash('sha256').update(content).digest('hex')}`, content.length);
  return content;
}

/** @throws IMAGE_MANIFEST_INVALID */
export function requireDocumentSize(bytes: number): void {
  if (bytes > maxDocumentBytes)
    throw invalid('manifest', `or config has ${bytes} bytes, more than ${maxDocumentBytes}`);
}

/** @throws IMAGE_DIGEST_MISMATCH */
export function requireDigest(
  wanted: { readonly digest: string; readonly size?: number },
  digest: string,
  size: number,
) {
  if (wanted.digest === digest && (wanted.size === undefined || wanted.size === size)) return;
  throw digestMismatch(wanted.digest, { found: digest, size, wantedSize: wanted.size });
}

export function digestMismatch(wanted: string, context: object): Error {
  return zoneError('IMAGE_DIGEST_MISMATCH', `what came for "${wanted}" is something else`, {
    hint: 'Pull or make the image anew; if it stays so, the registry or the archive is damaged or lies.',
    context: { digest: wanted, ...context },
  });
}

/** The chunks of a blob, and an error at their end if they were not what the descriptor says. */
export async function* verified(descriptor: Descriptor, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > descriptor.size) throw digestMismatch(descriptor.digest, { size, wantedSize: descriptor.size });
    hash.update(chunk);
    yield chunk;
  }
  requireDigest(descriptor, `sha256:${hash.digest('hex')}`, size);
}
