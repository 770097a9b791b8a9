/** An image as an OCI layout (image-layout.md), in an empty directory. */
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { anySignal, spawnTool } from '../../host/index.js';
import type { ImageManifest } from '../manifest.js';
import { ociConfigOf } from './config.js';
import type { Descriptor } from './documents.js';
import { platformOf } from './platform.js';

export const compressions = ['gzip', 'zstd', 'none'] as const;
export type LayerCompression = (typeof compressions)[number];

export interface LayoutToWrite {
  readonly manifest: ImageManifest;
  /** Lowest first: what each gives is read once. */
  readonly layers: readonly ((signal: AbortSignal) => AsyncIterable<Buffer>)[];
  /** Waits until it is a layer's turn: each takes processes of its own. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly compression: LayerCompression;
  /** Under which the layout's index lists it. */
  readonly ref: string;
  /** `HOST/PATH:TAG`: what containerd and podman call it when they load the layout. */
  readonly fullName?: string | undefined;
  /** Told of bytes before they are compressed. */
  readonly onBytes?: ((count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const suffixes = { gzip: '+gzip', zstd: '+zstd', none: '' } as const;

interface WrittenLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** Names of what was written, for an archive. The same image gives the same bytes, but for how a gzip or zstd makes them. */
export async function writeLayout(directory: string, input: LayoutToWrite): Promise<readonly string[]> {
  const { manifest, ref, fullName } = input;
  await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
  const layers = await writeLayers(directory, input);
  const { architecture, variant } = platformOf(manifest.arch);
  const config = await writeBlob(directory, 'application/vnd.oci.image.config.v1+json', {
    created: manifest.createdAt,
    architecture,
    variant,
    os: 'linux',
    config: ociConfigOf(manifest.config),
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: manifest.createdAt, created_by: 'tszone image export' })),
  });
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const whole = { schemaVersion: 2, mediaType: type, config, layers: layers.map(({ descriptor }) => descriptor) };
  const entry = {
    ...(await writeBlob(directory, type, whole)),
    annotations: {
      'org.opencontainers.image.ref.name': ref,
      ...(fullName === undefined ? {} : { 'io.containerd.image.name': fullName }),
    },
    platform: { architecture, os: 'linux', ...(variant === undefined ? {} : { variant }) },
  };
  await writeDocument(join(directory, 'index.json'), { schemaVersion: 2, manifests: [entry] });
  await writeDocument(join(directory, 'oci-layout'), { imageLayoutVersion: '1.0.0' });
  return ['oci-layout', 'index.json', 'blobs'];
}

/** When it returns, nobody writes any more: the directory can be removed. */
async function writeLayers(directory: string, input: LayoutToWrite): Promise<WrittenLayer[]> {
  const failed = new AbortController();
  const signal = anySignal([input.signal, failed.signal]);
  const written = await Promise.allSettled(
    input.layers.map((layer) =>
      input
        .turn(() => writeLayer(directory, layer, { ...input, signal }))
        .catch((error: unknown) => {
          failed.abort(error);
          throw error;
        }),
    ),
  );
  signal.throwIfAborted();
  return written.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

async function writeLayer(
  directory: string,
  layer: LayoutToWrite['layers'][number],
  { compression, onBytes, signal }: LayoutToWrite & { readonly signal: AbortSignal },
): Promise<WrittenLayer> {
  signal.throwIfAborted();
  const temporary = join(directory, 'blobs/sha256', `.${randomBytes(6).toString('hex')}`);
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  await pipeline(
    hashed(layer(signal), plain, onBytes),
    (chunks: AsyncIterable<Buffer>) => compress(chunks, compression, signal),
    (chunks: AsyncIterable<Buffer>) => hashed(chunks, packed),
    createWriteStream(temporary),
    { signal },
  );
  const { size } = await stat(temporary);
  const digest = await name(temporary, directory, packed.digest('hex'));
  const mediaType = `application/vnd.oci.image.layer.v1.tar${suffixes[compression]}`;
  return { descriptor: { mediaType, digest, size }, diffId: `sha256:${plain.digest('hex')}` };
}

async function* hashed(
  chunks: AsyncIterable<Buffer>,
  hash: { update(data: Buffer): unknown },
  onBytes?: (count: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    onBytes?.(chunk.length);
    yield chunk;
  }
}

async function* compress(
  chunks: AsyncIterable<Buffer>,
  compression: LayerCompression,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  if (compression === 'none') yield* chunks;
  else if (compression === 'gzip') {
    const gzip = createGzip({ chunkSize: 256 << 10 });
    const feeding = pipeline(chunks, gzip);
    feeding.catch(() => undefined);
    for await (const chunk of gzip) yield chunk as Buffer;
    await feeding;
  } else {
    const tool = spawnTool({ tool: 'zstd', args: ['-c', '-q', '-T0'], package: 'zstd', signal, dieWithParent: true });
    tool.done.catch(() => undefined);
    const feeding = pipeline(chunks, tool.stdin);
    feeding.catch(() => undefined);
    for await (const chunk of tool.stdout) yield chunk as Buffer;
    await feeding;
    await tool.done;
  }
}

async function writeBlob(directory: string, mediaType: string, value: object): Promise<Descriptor> {
  const content = Buffer.from(JSON.stringify(value));
  const temporary = join(directory, 'blobs/sha256', `.${randomBytes(6).toString('hex')}`);
  await writeFile(temporary, content);
  const digest = await name(temporary, directory, createHash('sha256').update(content).digest('hex'));
  return { mediaType, digest, size: content.length };
}

/** Times say nothing: an archive of the layout shall be the same the next time. */
async function name(temporary: string, directory: string, hex: string): Promise<string> {
  await utimes(temporary, 0, 0);
  await rename(temporary, join(directory, 'blobs/sha256', hex));
  return `sha256:${hex}`;
}

async function writeDocument(path: string, value: object): Promise<void> {
  await writeFile(path, JSON.stringify(value));
  await utimes(path, 0, 0);
}
