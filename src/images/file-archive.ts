/** A tar archive in a file: the unpacker reads it by itself, through the program that decompresses it, if it takes one. */
import { readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { hasHashInstructions, requireTool } from '../host/index.js';
import { type Compression, compressionOf, longestMagic } from './decompress.js';

export interface FileArchive {
  /** At its beginning; open until it is unpacked. */
  readonly fd: number;
  /** As it lies there. */
  readonly sizeBytes: number;
  readonly compression: Exclude<Compression, 'gzip'>;
  /** A program and its arguments; empty: none. */
  readonly through: readonly string[];
}

export type ArchiveSource = AsyncIterable<Buffer> | FileArchive;

/**
 * `undefined`: it is no file, or the unpacker cannot hash it here, or it is of gzip, for which node has the faster decompressor; then it has to go
 * through node.
 *
 * @throws IMAGE_ARCHIVE_INVALID for a form that is known but not read · HOST_TOOL_MISSING
 */
export async function asFileArchive(file: FileHandle): Promise<FileArchive | undefined> {
  const found = await file.stat();
  if (!found.isFile() || !(await hasHashInstructions())) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(longestMagic), 0, longestMagic, 0);
  const compression = bytesRead < longestMagic ? 'gzip' : compressionOf(buffer);
  if (compression === 'gzip') return undefined;
  return { fd: file.fd, sizeBytes: found.size, compression, through: programOf(compression) };
}

function programOf(compression: FileArchive['compression']): string[] {
  if (compression === 'none') return [];
  const tool =
    compression === 'xz' ? ({ tool: 'xz', package: 'xz-utils' } as const) : { tool: 'zstd', package: 'zstd' };
  return [requireTool(tool), '-dcq'];
}

/** How much of it has been read: its offset is shared with whoever reads it. */
export function readBytes({ fd }: FileArchive): number {
  return Number(/^pos:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? 0);
}

/** A stream of a file has `fd`, too. */
export const isFileArchive = (source: ArchiveSource): source is FileArchive => !(Symbol.asyncIterator in source);
