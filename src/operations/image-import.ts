/** `image import`: an image from a tar archive of a root file system: plain, gzip, xz or zstd; a file or a stream. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { findImage, type ImageConfig, type ImageManifest, type ImageTable, type OnProgress } from '../images/index.js';
import { nearest } from '../spec/index.js';
import { isErrno } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { storeImage } from './image-store.js';

export interface ImageImportOptions {
  readonly name: string;
  /** A path, or a stream of bytes. */
  readonly source: string | Readable;
  /** Replace an image of that name. */
  readonly force?: boolean | undefined;
  /** Debian's name; told by the programs in the archive if not given. */
  readonly arch?: string | undefined;
  readonly config?: ImageConfig | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const knownKeys = ['name', 'source', 'force', 'arch', 'config', 'progress', 'signal'];

interface Opened {
  readonly stream: Readable;
  readonly totalBytes?: number | undefined;
  readonly file?: string | undefined;
}

/**
 * @throws IMAGE_EXISTS without `force` · IMAGE_ARCHIVE_INVALID · RESOURCE_DISK_FULL · PATH_NOT_FOUND · USAGE_BAD_ARGUMENT
 */
export async function imageImport({ roots }: HostContext, options: ImageImportOptions): Promise<ImageManifest> {
  checkKeys(options);
  const { force = false, arch, config = {}, progress, signal } = options;
  signal?.throwIfAborted();
  const { name } = await resolveImageName(options.name);
  const existing = await findImage(roots, name);
  if (existing !== undefined) refuseExisting({ [name]: existing }, name, force);
  const { stream, totalBytes, file } = await openSource(options.source);
  if (signal !== undefined) addAbortSignal(signal, stream);
  try {
    const source = { kind: 'archive', ...(file === undefined ? {} : { file }) } as const;
    const check = (images: ImageTable) => refuseExisting(images, name, force);
    return await storeImage(roots, { name, source, arch, totalBytes, progress, signal, check }, async () => ({
      archive: stream,
      kind: 'layers',
      config,
    }));
  } finally {
    stream.destroy();
  }
}

function refuseExisting(images: ImageTable, name: string, force: boolean): void {
  if (force || images[name] === undefined) return;
  throw zoneError('IMAGE_EXISTS', `image "${name}" exists already`, {
    hint: 'Pass --force to replace it (zones keep what they were made of), or choose another name.',
    context: { image: name },
  });
}

async function openSource(source: string | Readable): Promise<Opened> {
  if (typeof source !== 'string') return { stream: source };
  try {
    await using file = await open(source, 'r');
    const stat = await file.stat();
    if (stat.isDirectory()) throw notAnArchive(source);
    const stream = createReadStream(source, { highWaterMark: 1 << 20 });
    return { stream, file: basename(source), totalBytes: stat.isFile() ? stat.size : undefined };
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw zoneError('PATH_NOT_FOUND', `archive "${source}" does not exist`, {
      hint: 'Give the path of a tar archive, or "-" for standard input.',
      context: { path: source },
      cause,
    });
  }
}

function notAnArchive(path: string): Error {
  return zoneError('IMAGE_ARCHIVE_INVALID', `"${path}" is a directory, not an archive`, {
    hint: `Run "tar -C ${path} -c . | tszone image import NAME -".`,
    context: { path },
  });
}

function checkKeys(options: object): void {
  const unknown = Object.keys(options).find((key) => !knownKeys.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, knownKeys);
  throw zoneError('USAGE_BAD_ARGUMENT', `image import has no option "${unknown}"`, {
    hint: near === undefined ? `Options: ${knownKeys.join(', ')}.` : `Did you mean "${near}"?`,
    context: { option: unknown },
  });
}
