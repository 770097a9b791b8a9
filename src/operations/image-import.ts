/**
 * `image import`: an image from a tar archive of a root file system (plain, gzip, xz or zstd; a file or a stream), from an OCI layout
 * (a directory or an archive) or from what `docker save` has written.
 */
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import {
  type ArchiveSource,
  asFileArchive,
  findImage,
  type ImageConfig,
  type ImageManifest,
  type ImageTable,
  lockImage,
  type OnProgress,
} from '../images/index.js';
import { nearest } from '../spec/index.js';
import { isErrno, type Roots } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { type LimitOptions, limitsOfImage } from './image-limits.js';
import { resolveImageName } from './image-names.js';
import { refuseExistingImage, storeImage } from './image-store.js';

export interface ImageImportOptions extends LimitOptions {
  readonly name: string;
  /** A path, or a stream of bytes. */
  readonly source: string | Readable;
  /** Replace an image of that name. */
  readonly force?: boolean | undefined;
  /** Debian's name; told by the programs in the archive if not given. */
  readonly arch?: string | undefined;
  /** Of a layout or archive that holds several images: which. */
  readonly ref?: string | undefined;
  readonly config?: ImageConfig | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const knownKeys = [
  ...['name', 'source', 'force', 'arch', 'ref', 'config'],
  ...['maxSizeBytes', 'maxEntries', 'progress', 'signal'],
];
const lockTimeoutMs = 3_600_000;

interface Opened extends AsyncDisposable {
  readonly archive: ArchiveSource;
  readonly totalBytes?: number | undefined;
  readonly file?: string | undefined;
}

/**
 * @throws IMAGE_EXISTS without `force` · IMAGE_ARCHIVE_INVALID · IMAGE_MANIFEST_INVALID · IMAGE_DIGEST_MISMATCH · IMAGE_TOO_LARGE ·
 * IMAGE_PLATFORM_MISSING · RESOURCE_DISK_FULL · PATH_NOT_FOUND · USAGE_BAD_ARGUMENT
 */
export async function imageImport({ roots }: HostContext, options: ImageImportOptions): Promise<ImageManifest> {
  checkKeys(options);
  const { force = false, arch, config = {}, progress, signal } = options;
  const { source: given } = options;
  signal?.throwIfAborted();
  const name = await checkImageImport(roots, options);
  const check = (images: ImageTable) => refuseExistingImage(images, name, force);
  await using _lock = await lockImage(roots, name, { timeoutMs: lockTimeoutMs, signal });
  if (typeof given === 'string' && (await isDirectory(given))) {
    const manifest = await importLayout(roots, { ...options, name, directory: given, file: basename(given), check });
    if (manifest === undefined) throw notAnArchive(given);
    return manifest;
  }
  await using opened = await openSource(given, signal);
  const { archive, totalBytes, file } = opened;
  const source = { kind: 'archive', ...(file === undefined ? {} : { file }) } as const;
  const divert = (directory: string) => importLayout(roots, { ...options, name, directory, file, check });
  const limits = limitsOfImage(options);
  const image = { name, source, arch, totalBytes, limits, progress, signal, check, divert };
  return await storeImage(roots, image, async () => ({ archive, kind: 'layers', config }));
}

/** @returns the image's name @throws IMAGE_EXISTS without `force`, USAGE_BAD_ARGUMENT */
export async function checkImageImport(
  roots: Roots,
  { name: asked, force = false }: Pick<ImageImportOptions, 'name' | 'force'>,
): Promise<string> {
  const { name } = await resolveImageName(asked);
  const existing = await findImage(roots, name);
  if (existing !== undefined) refuseExistingImage({ [name]: existing }, name, force);
  return name;
}

type LayoutInput = Pick<ImageImportOptions, 'arch' | 'ref' | 'progress' | 'signal' | keyof LimitOptions> & {
  readonly name: string;
  readonly directory: string;
  readonly file: string | undefined;
  readonly check: (images: ImageTable) => void;
};

/** `undefined`: the directory is no layout. What reads one is loaded only now. */
async function importLayout(roots: Roots, input: LayoutInput): Promise<ImageManifest | undefined> {
  const { name, directory, file, check, ref, progress, signal } = input;
  const { parseArch, readLayout } = await import('../images/oci/index.js');
  const arch = input.arch === undefined ? undefined : parseArch(input.arch);
  const found = await readLayout(directory, { arch, ref, signal });
  if (found === undefined) return undefined;
  const source = { kind: 'layout', ...(file === undefined ? {} : { file }), digest: found.image.digest } as const;
  const { storeOciImage } = await import('./store-oci-image.js');
  const limits = limitsOfImage(input);
  return storeOciImage(roots, { ...found, name, isRemote: false, source, limits, progress, signal, check });
}

export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

export async function openSource(source: string | Readable, signal: AbortSignal | undefined): Promise<Opened> {
  if (typeof source !== 'string') return { archive: abortable(source, signal), ...ending(() => source.destroy()) };
  const file = await open(source, 'r').catch((cause: unknown) => {
    throw isErrno(cause, 'ENOENT', 'ENOTDIR') ? noArchive(source, cause) : cause;
  });
  try {
    const found = await file.stat();
    const fileArchive = await asFileArchive(file);
    const archive =
      fileArchive ?? abortable(file.createReadStream({ highWaterMark: 1 << 20, autoClose: false }), signal);
    const totalBytes = found.isFile() ? found.size : undefined;
    return { archive, file: basename(source), totalBytes, ...ending(() => file.close()) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function abortable<S extends Readable>(stream: S, signal: AbortSignal | undefined): S {
  if (signal === undefined) return stream;
  // It may come before anybody reads; who does then is told.
  return addAbortSignal(signal, stream).on('error', () => undefined);
}

const ending = (end: () => unknown): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    await end();
  },
});

function noArchive(path: string, cause: unknown): Error {
  return zoneError('PATH_NOT_FOUND', `archive "${path}" does not exist`, {
    hint: 'Give the path of a tar archive, or "-" for standard input.',
    context: { path },
    cause,
  });
}

export function notAnArchive(path: string): Error {
  return zoneError('IMAGE_ARCHIVE_INVALID', `"${path}" is a directory, and neither an archive nor an OCI layout`, {
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
