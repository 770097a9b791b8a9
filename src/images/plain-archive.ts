/** A tar archive in a file, not compressed: the unpacker reads it by itself. */
import type { FileHandle } from 'node:fs/promises';
import { hasHashInstructions } from '../host/index.js';
import { compressionOf, longestMagic } from './decompress.js';

export interface PlainArchive {
  /** At its beginning; open until it is unpacked. */
  readonly fd: number;
  readonly sizeBytes: number;
}

export type ArchiveSource = AsyncIterable<Buffer> | PlainArchive;

/**
 * `undefined`: it is compressed or no file, or the unpacker cannot hash it here; then it has to go through node.
 *
 * @throws IMAGE_ARCHIVE_INVALID for a form that is known but not read
 */
export async function asPlainArchive(file: FileHandle): Promise<PlainArchive | undefined> {
  const found = await file.stat();
  if (!found.isFile() || !(await hasHashInstructions())) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(longestMagic), 0, longestMagic, 0);
  if (bytesRead < longestMagic || compressionOf(buffer) !== 'none') return undefined;
  return { fd: file.fd, sizeBytes: found.size };
}

/** A stream of a file has `fd`, too. */
export const isPlainArchive = (source: ArchiveSource): source is PlainArchive => !(Symbol.asyncIterator in source);
