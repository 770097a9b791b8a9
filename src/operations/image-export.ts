/** `image export`: an image as an OCI layout, in a directory or an archive, for other engines. */
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { type ImageManifest, type OnProgress, readImage, templateNames } from '../images/index.js';
import { layerArchive } from '../images/layer-archive.js';
import { type LayerCompression, writeLayout } from '../images/oci/write-layout.js';
import { diskFull, isErrno, type Roots } from '../state/index.js';
import { stageLayer, sweepStaging } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { hasLayers } from './image-store.js';
import { layerSource } from './layer-source.js';

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
  const { name } = await resolveImageName(reference);
  const image = await readImage(roots, name, await templateNames());
  if (image.kind === 'sparse') throw sparse(name);
  if (!(await hasLayers(roots, image))) throw incomplete(name);
  const { destination } = options;
  const format = options.format ?? (typeof destination !== 'string' || destination.endsWith('.tar') ? 'tar' : 'dir');
  if (typeof destination === 'string') await requireFree(destination, format);
  if (format === 'dir' && typeof destination === 'string') await exportDirectory(roots, image, destination, options);
  else await exportArchive(roots, image, options);
  return image;
}

/** Beside its place first: what is there under its own name is whole. */
async function exportDirectory(
  roots: Roots,
  image: ImageManifest,
  destination: string,
  options: ImageExportOptions,
): Promise<void> {
  const temporary = besides(destination);
  try {
    await mkdir(temporary, { mode: 0o755 });
    await write(roots, image, temporary, options);
    await rmdir(destination).catch((error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw error;
    });
    await rename(temporary, destination);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw readable(error, destination);
  }
}

async function exportArchive(roots: Roots, image: ImageManifest, options: ImageExportOptions): Promise<void> {
  const { destination, signal } = options;
  await sweepStaging(roots);
  await using staging = await stageLayer(roots);
  const names = await write(roots, image, staging.tree, options);
  await utimes(join(staging.tree, 'blobs/sha256'), 0, 0);
  await utimes(join(staging.tree, 'blobs'), 0, 0);
  const path = typeof destination === 'string' ? besides(destination) : undefined;
  const stream = typeof destination === 'string' ? createWriteStream(path ?? '', { flags: 'wx' }) : destination;
  try {
    await packInto(staging.tree, names, { stream, signal });
    if (path !== undefined && typeof destination === 'string') await rename(path, destination);
  } catch (error) {
    if (path !== undefined) await rm(path, { force: true });
    throw readable(error, typeof destination === 'string' ? destination : 'standard output');
  }
}

async function packInto(
  directory: string,
  names: readonly string[],
  { stream, signal }: { readonly stream: Writable; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const args = ['--root', directory, ...names];
  const helper = runTool('pack', args, { stdout: 'pipe', stderr: 'pipe', signal });
  if (helper.stdout === null || helper.stderr === null) throw new Error('no pipes');
  const said = text(helper.stderr);
  await pipeline(helper.stdout, stream);
  signal?.throwIfAborted();
  if ((await helper.exited) !== 0) throw new Error(`packing the layout failed: ${await said}`);
}

async function write(
  roots: Roots,
  image: ImageManifest,
  directory: string,
  options: ImageExportOptions,
): Promise<readonly string[]> {
  const { compression = 'gzip', progress, signal } = options;
  const sources = await Promise.all(image.layers.toReversed().map((digest) => layerSource(roots, digest)));
  let bytes = 0;
  return writeLayout(directory, {
    manifest: image,
    layers: sources.map((source) => () => layerArchive(source, signal)),
    compression,
    ref: options.ref ?? /:([^:/]+)$/.exec(image.name)?.[1] ?? 'latest',
    onBytes: (count) => {
      bytes += count;
      progress?.({ bytes });
    },
    signal,
  });
}

const besides = (path: string) => join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);

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
