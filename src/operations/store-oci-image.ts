/** The layers of an OCI image side by side, each fetched, checked, unpacked and kept once; then the image is listed. */
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { hasCode } from '../errors/index.js';
import { anySignal } from '../host/index.js';
import {
  type ArchiveLimits,
  type ArchiveSource,
  asFileArchive,
  dropPull,
  type ImageManifest,
  type ImageProgress,
  type ImageSource,
  type ImageTable,
  listPulls,
  type OnProgress,
  withImagesLocked,
  writePull,
} from '../images/index.js';
import {
  type ContentSource,
  digestMismatch,
  type OciImage,
  type OciLayer,
  requireSize,
  verified,
} from '../images/oci/index.js';
import { fetchBlob } from '../images/registry/index.js';
import { type Roots, scanZones } from '../state/index.js';
import { hasLayer, holdBlob, readLayerFacts, stageLayer, sweepBlobs, sweepStaging } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { listImage, removeUnused, sweepOutlines } from './image-store.js';
import { commitLayer, unpackLayer } from './make-layer.js';
import { takeTurns } from './turns.js';

export interface NewOciImage {
  /** In its one form. Call with its lock held. */
  readonly name: string;
  readonly image: OciImage;
  readonly content: ContentSource;
  /** Kept in a file until it is unpacked, so that what was fetched is not fetched again after an interruption. */
  readonly isRemote: boolean;
  readonly source: ImageSource;
  readonly limits: ArchiveLimits;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the images locked, before the name is given. */
  readonly check?: ((images: ImageTable) => void) | undefined;
}

const fetchesAtOnce = 4;

/**
 * What an interruption leaves (a kill, an abort, a registry that is gone) is what the next pull of that name begins with; any
 * other failure leaves nothing.
 *
 * @throws IMAGE_DIGEST_MISMATCH, IMAGE_TOO_LARGE, IMAGE_ARCHIVE_INVALID, RESOURCE_DISK_FULL; what the source throws
 */
export async function storeOciImage(roots: Roots, input: NewOciImage): Promise<ImageManifest> {
  const { name, image, limits, signal } = input;
  requireSize(image, limits.maxBytes);
  await sweepStaging(roots);
  const blobs = image.layers.map(({ blob }) => blob.digest);
  await writePull(roots, { name, layers: image.layers.map(({ diffId }) => diffId), blobs });
  boundary('pull', name, 'record');
  try {
    await bringLayers(roots, input);
    const manifest = await manifestOf(roots, input);
    signal?.throwIfAborted();
    await withImagesLocked(roots, () => listImage(roots, manifest, input.check));
    boundary('pull', name, 'list');
    await dropPull(roots, name);
    boundary('pull', name, 'done');
    return manifest;
  } catch (error) {
    const isResumable = input.isRemote && (signal?.aborted === true || hasCode(error, 'REGISTRY_UNREACHABLE'));
    if (!isResumable) await giveUp(roots, name);
    throw error;
  }
}

/** Nothing is left that only this pull would have had a use for. */
async function giveUp(roots: Roots, name: string): Promise<void> {
  await dropPull(roots, name);
  const others = await listPulls(roots);
  await sweepBlobs(roots, new Set(others.flatMap(({ blobs }) => blobs)));
  await withImagesLocked(roots, async () => {
    if ((await scanZones(roots)).unreadable.length === 0) await removeUnused(roots);
    await sweepOutlines(roots);
  });
}

async function bringLayers(roots: Roots, input: NewOciImage): Promise<void> {
  const { image, signal } = input;
  const failed = new AbortController();
  const either = anySignal([signal, failed.signal]);
  const turns = { fetch: takeTurns(fetchesAtOnce), unpack: takeTurns(Math.max(2, availableParallelism())) };
  const report = reporter(input);
  const context = { roots, input, signal: either, turns, report };
  const layers = image.layers.filter(
    ({ diffId }, index) => image.layers.findIndex((layer) => layer.diffId === diffId) === index,
  );
  let first: unknown;
  await Promise.all(
    layers.map((layer) =>
      turns
        .fetch(() => bringLayer(context, layer))
        .catch((error: unknown) => {
          first ??= error;
          failed.abort(error);
        }),
    ),
  );
  signal?.throwIfAborted();
  if (first !== undefined) throw first;
}

interface LayerContext {
  readonly roots: Roots;
  readonly input: NewOciImage;
  readonly signal: AbortSignal;
  readonly turns: { readonly unpack: ReturnType<typeof takeTurns> };
  readonly report: (count: number) => void;
}

async function bringLayer(context: LayerContext, layer: OciLayer): Promise<void> {
  const { roots, input, signal, report, turns } = context;
  signal.throwIfAborted();
  const { blob, diffId } = layer;
  if (await hasLayer(roots, diffId)) return report(blob.size);
  if (!input.isRemote) return turns.unpack(() => bringLocal(context, layer));
  await using held = await holdBlob(roots, blob.digest, signal);
  if (await hasLayer(roots, diffId)) return report(blob.size);
  try {
    await fetchBlob(input.content, blob, { path: held.path, onBytes: report, signal });
    boundary('pull', input.name, `fetch ${diffId}`);
    await turns.unpack(() => unpackFile(context, layer, held.path));
    await held.remove();
  } catch (error) {
    if (!signal.aborted && !hasCode(error, 'REGISTRY_UNREACHABLE')) await held.remove();
    throw error;
  }
}

async function bringLocal(context: LayerContext, layer: OciLayer): Promise<void> {
  const { input, signal, report } = context;
  const { blob, diffId } = layer;
  // Of a layer that is not compressed the unpacked digest is its own.
  const isPlain = blob.digest === diffId;
  await using file = isPlain ? await input.content.openFile?.(blob) : undefined;
  const fileArchive = file === undefined ? undefined : await asFileArchive(file);
  if (fileArchive !== undefined) return await unpack(context, layer, fileArchive, report);
  const { chunks } = await input.content.openBlob(blob, 0, signal);
  await unpack(context, layer, counted(isPlain ? chunks : verified(blob, chunks), report));
}

async function unpack(
  { roots, input, signal }: LayerContext,
  { diffId, blob }: OciLayer,
  archive: ArchiveSource,
  report?: (count: number) => void,
): Promise<void> {
  let reported = 0;
  const progress = ({ bytes }: ImageProgress) => {
    report?.(bytes - reported);
    reported = bytes;
  };
  await using staging = await stageLayer(roots);
  boundary('pull', input.name, `stage ${diffId}`);
  const show = report === undefined ? {} : { progress };
  const unpacked = await unpackLayer(staging, {
    archive,
    totalBytes: blob.size,
    limits: input.limits,
    ...show,
    signal,
  });
  if (unpacked.digest !== diffId) throw digestMismatch(diffId, { found: unpacked.digest, blob: blob.digest });
  boundary('pull', input.name, `unpack ${diffId}`);
  await withImagesLocked(roots, () => commitLayer(roots, staging, unpacked));
  boundary('pull', input.name, `commit ${diffId}`);
}

/** It is closed when this is over, also where a reader gave up in the middle. */
async function unpackFile(context: LayerContext, layer: OciLayer, path: string): Promise<void> {
  await using file = await open(path, 'r');
  const fileArchive = await asFileArchive(file);
  await unpack(context, layer, fileArchive ?? file.createReadStream({ highWaterMark: 1 << 20, autoClose: false }));
}

async function* counted(chunks: AsyncIterable<Buffer>, report: (count: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    report(chunk.length);
    yield chunk;
  }
}

function reporter({ image, progress }: NewOciImage): (count: number) => void {
  const totalBytes = image.layers.reduce((sum, { blob }) => sum + blob.size, 0);
  let bytes = 0;
  return (count) => {
    bytes += count;
    progress?.({ bytes: Math.min(bytes, totalBytes), totalBytes });
  };
}

async function manifestOf(roots: Roots, { name, image, source }: NewOciImage): Promise<ImageManifest> {
  const layers = layersOf(image);
  const facts = await Promise.all(layers.map((digest) => readLayerFacts(roots, digest)));
  return {
    manifestVersion: 1,
    name,
    kind: 'layers',
    layers,
    arch: image.arch,
    createdAt: new Date().toISOString(),
    sizeBytes: facts.reduce((sum, one) => sum + (one?.sizeBytes ?? 0), 0),
    source,
    config: image.config,
  };
}

/** Topmost first. Overlay refuses the same directory twice; of two the lower one shows nothing that the upper one does not. */
export function layersOf({ layers }: OciImage): string[] {
  return [...new Set(layers.map(({ diffId }) => diffId).toReversed())];
}
