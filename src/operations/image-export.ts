/** `image export`: an image as an OCI layout, in a directory or an archive, for other engines. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath, rename, rm, rmdir, utimes } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import {
  type ImageManifest,
  imagesDirectory,
  type OnProgress,
  parseRegistryReference,
  readImage,
  templateNames,
} from '../images/index.js';
import { layerArchive } from '../images/layer-archive.js';
import { type LayerCompression, writeLayout } from '../images/oci/write-layout.js';
import { acquireLock, diskFull, isErrno, type Lock, type Roots } from '../state/index.js';
import { stageLayer, sweepStaging } from '../storage/index.js';
import { openArchiveTarget } from './archive-target.js';
import { archiveError, readerGone, startArchiveTool, ToolTalk } from './archive-tool.js';
import { boundary } from './boundaries.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { hasLayers } from './image-store.js';
import { layerSource } from './layer-source.js';
import { takeTurns } from './turns.js';

export interface ImageExportOptions {
  /** A path, or a stream that takes the archive. */
  readonly destination: string | Writable;
  /** An archive if the path ends in `.tar`, if not given. */
  readonly format?: 'dir' | 'tar' | undefined;
  /** Of its layers; gzip, which every engine takes, if not given. */
  readonly compression?: LayerCompression | undefined;
  /** The name in the layout's index; the image's tag if not given. */
  readonly ref?: string | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws IMAGE_NOT_FOUND · IMAGE_DAMAGED · USAGE_BAD_ARGUMENT it is there already · HOST_TOOL_MISSING · RESOURCE_DISK_FULL */
export async function imageExport(
  { roots }: HostContext,
  reference: string,
  options: ImageExportOptions,
): Promise<ImageManifest> {
  const { image, format } = await checkImageExport(roots, reference, options);
  const { destination } = options;
  if (format === 'dir' && typeof destination === 'string') await exportDirectory(roots, image, destination, options);
  else await exportArchive(roots, image, options);
  boundary('image export', image.name, 'done');
  return image;
}

/** @throws IMAGE_NOT_FOUND, IMAGE_DAMAGED, USAGE_BAD_ARGUMENT */
export async function checkImageExport(
  roots: Roots,
  reference: string,
  { destination, format: given }: Pick<ImageExportOptions, 'destination' | 'format'>,
): Promise<{ readonly image: ImageManifest; readonly format: 'dir' | 'tar' }> {
  const { name } = await resolveImageName(reference);
  const image = await readImage(roots, name, await templateNames());
  if (image.kind === 'sparse') throw sparse(name);
  if (!(await hasLayers(roots, image))) throw incomplete(name);
  const format = given ?? (typeof destination !== 'string' || destination.endsWith('.tar') ? 'tar' : 'dir');
  if (typeof destination === 'string') await requireFree(destination, format);
  return { image, format };
}

/** Beside its place first: what is there under its own name is whole. */
async function exportDirectory(
  roots: Roots,
  image: ImageManifest,
  destination: string,
  options: ImageExportOptions,
): Promise<void> {
  const above = await realpath(dirname(resolve(destination))).catch((error: unknown) => {
    throw readable(error, destination);
  });
  const place = join(above, basename(resolve(destination)));
  const temporary = join(above, `.${basename(place)}.${roots.instance}.tmp`);
  await using _lock = await lockPlace(roots, place, options.signal);
  try {
    // Of one that was killed.
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o755 });
    await write(roots, image, temporary, options);
    await rmdir(place).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw error;
    });
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw readable(error, destination);
  }
}

const lockTimeoutMs = 3_600_000;

/** One export of ours to a place at a time, so that what lies there under its passing name is nobody's any more. */
async function lockPlace(roots: Roots, place: string, signal: AbortSignal | undefined): Promise<AsyncDisposable> {
  const key = createHash('sha256').update(place).digest('hex').slice(0, 32);
  const path = join(imagesDirectory(roots), 'building', `export-${key}.lock`);
  const lock: Lock = await acquireLock(path, { what: `"${place}"`, timeoutMs: lockTimeoutMs, signal });
  return { [Symbol.asyncDispose]: lock.releaseAndRemove };
}

/** Anybody may read what anybody may have. */
const archiveMode = 0o644;

async function exportArchive(roots: Roots, image: ImageManifest, options: ImageExportOptions): Promise<void> {
  const { destination, signal } = options;
  await sweepStaging(roots);
  await using staging = await stageLayer(roots);
  const names = await write(roots, image, staging.tree, options).catch((error: unknown) => {
    throw diskFull(error, staging.tree);
  });
  await utimes(join(staging.tree, 'blobs/sha256'), 0, 0);
  await utimes(join(staging.tree, 'blobs'), 0, 0);
  if (typeof destination !== 'string') return await packInto(staging.tree, names, { destination, signal });
  await using target = await openArchiveTarget(destination, false, archiveMode);
  await packInto(staging.tree, names, { destination: target.descriptor, signal });
  boundary('image export', image.name, 'packed');
  await target.commit();
}

async function packInto(
  directory: string,
  names: readonly string[],
  { destination, signal }: { readonly destination: Writable | number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const args = ['--root', directory, ...names];
  const isOurs = typeof destination === 'number';
  const tool = startArchiveTool('pack', args, { stdin: 'ignore', stdout: isOurs ? destination : 'pipe', signal });
  const talk = new ToolTalk();
  const listening = talk.listen(tool.stderr);
  listening.catch(() => undefined);
  try {
    if (!isOurs) {
      await pipeline(tool.stdout as Readable, destination).catch((error: unknown) => {
        throw isErrno(error, 'EPIPE') ? readerGone('image export', error) : error;
      });
    }
    await listening;
    const status = await tool.exited;
    signal?.throwIfAborted();
    if (status !== 0) throw archiveError(talk, status, 'image export', full);
  } finally {
    tool.kill();
  }
}

const full = {
  message: 'no space left for the exported image',
  hint: 'Free space where the file goes, or choose another place.',
};

async function write(
  roots: Roots,
  image: ImageManifest,
  directory: string,
  options: ImageExportOptions,
): Promise<readonly string[]> {
  const { compression = 'gzip', progress, signal } = options;
  const sources = await Promise.all(image.layers.toReversed().map((digest) => layerSource(roots, digest)));
  let bytes = 0;
  const names = await writeLayout(directory, {
    manifest: image,
    layers: sources.map((source) => (either) => layerArchive(source, either)),
    turn: takeTurns(Math.max(2, availableParallelism())),
    compression,
    ...namesOf(image.name, options.ref),
    onBytes: (count) => {
      bytes += count;
      progress?.({ bytes });
    },
    signal,
  });
  boundary('image export', image.name, 'written');
  return names;
}

/** Of a digest there is no name with a tag; a reference of the user's that is no tag is a name of its own. */
function namesOf(name: string, given: string | undefined): { readonly ref: string; readonly fullName?: string } {
  const ref = given ?? /:([^:/]+)$/.exec(name)?.[1] ?? 'latest';
  const ofRegistry = parseRegistryReference(name);
  if (ofRegistry?.digest !== undefined || !/^\w[\w.-]{0,127}$/.test(ref)) return { ref };
  const path =
    ofRegistry === undefined ? `localhost/${name.replace(/:.*/, '')}` : `${ofRegistry.host}/${ofRegistry.repository}`;
  return { ref, fullName: `${path}:${ref}` };
}

async function requireFree(path: string, format: 'dir' | 'tar'): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    if (isErrno(error, 'ENOTDIR')) return ['a file'];
    throw error;
  });
  if (names === undefined || (names.length === 0 && format === 'dir')) return;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${path}" is there already`, {
    hint: 'Name a file or directory that is not there yet; an empty directory will do for a layout.',
    context: { path },
  });
}

function readable(error: unknown, path: string): unknown {
  if (!isErrno(error, 'ENOENT', 'ENOTDIR')) return diskFull(error, path);
  return zoneError('PATH_NOT_FOUND', `directory "${dirname(path)}" does not exist`, {
    hint: `Run "mkdir -p ${dirname(path)}" first.`,
    context: { path: dirname(path) },
    cause: error,
  });
}

function sparse(name: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `image "${name}" has its /usr from this host, and is nothing elsewhere`, {
    hint: 'Export an image that is whole, such as one of "tszone image build debian".',
    context: { image: name },
  });
}

function incomplete(name: string): Error {
  return zoneError('IMAGE_DAMAGED', `image "${name}" lacks a layer`, {
    hint: `Pull, import or build "${name}" anew.`,
    context: { image: name },
  });
}
