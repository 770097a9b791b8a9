/** Images in a directory: an OCI layout (image-layout.md), or what `docker save` has written. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { zoneError } from '../../errors/index.js';
import { imageConfigOf } from './config.js';
import {
  type Descriptor,
  invalid,
  maxDocumentBytes,
  maxLayers,
  parseConfig,
  parseIndex,
  parseJson,
} from './documents.js';
import { openInside, readInside } from './inside.js';
import { requirePlatform } from './platform.js';
import { type OciImage, type ResolveOptions, resolveImage } from './resolve.js';
import { type ContentSource, readVerified } from './source.js';

export interface LayoutOptions extends ResolveOptions {
  /** Which of several images: its tag, or its whole name. */
  readonly ref?: string | undefined;
}

export interface LayoutImage {
  readonly image: OciImage;
  readonly content: ContentSource;
}

const refNames = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];
const indexType = 'application/vnd.oci.image.index.v1+json';
const readBytes = 1 << 20;

/** `undefined`: the directory is neither. @throws IMAGE_MANIFEST_INVALID, IMAGE_DIGEST_MISMATCH, IMAGE_PLATFORM_MISSING, USAGE_BAD_ARGUMENT */
export async function readLayout(directory: string, options: LayoutOptions = {}): Promise<LayoutImage | undefined> {
  const isLayout = (await readInside(directory, 'oci-layout', maxDocumentBytes)) !== undefined;
  const index = isLayout ? await readInside(directory, 'index.json', maxDocumentBytes) : undefined;
  if (index !== undefined) return readOciLayout(directory, index, options);
  if (isLayout) throw invalid('index', 'is missing, or larger than 4 MiB');
  const manifest = await readInside(directory, 'manifest.json', maxDocumentBytes);
  const entries = manifest === undefined ? undefined : savedImages(manifest);
  return entries === undefined ? undefined : readSaved(directory, entries, options);
}

async function readOciLayout(directory: string, index: Buffer, options: LayoutOptions): Promise<LayoutImage> {
  const content = contentOf(directory, ({ digest }) => `blobs/${digest.replace(':', '/')}`);
  const { manifests } = parseIndex(index);
  const named = manifests.map((entry) => ({
    entry,
    names: refNames.flatMap((name) => entry.annotations?.[name] ?? []),
  }));
  const names = new Set(named.map(({ names: own }) => own.join(' ')));
  // One image may be there by several names.
  const digests = new Set(manifests.map(({ digest }) => digest));
  const chosen = choose(named, { ref: options.ref, several: names.size > 1 && digests.size > 1 });
  const [only] = chosen;
  if (only === undefined) throw invalid('index', 'lists no images');
  const first =
    chosen.length === 1 || digests.size === 1
      ? { content: await readVerified(content, only, options.signal), mediaType: only.mediaType, digest: only.digest }
      : asIndex(chosen);
  return { content, image: await resolveImage(content, first, options) };
}

/** Several that are one image for different machines. */
function asIndex(manifests: readonly Descriptor[]) {
  const content = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
  return { content, mediaType: indexType, digest: `sha256:${createHash('sha256').update(content).digest('hex')}` };
}

function choose<T>(
  images: readonly { readonly entry: T; readonly names: readonly string[] }[],
  { ref, several }: { readonly ref: string | undefined; readonly several: boolean },
): T[] {
  const isNamed = (name: string) => name === ref || name.endsWith(`:${ref}`);
  const found = ref === undefined ? images : images.filter(({ names }) => names.some(isNamed));
  if (found.length > 0 && (ref !== undefined || !several)) return found.map(({ entry }) => entry);
  if (images.length === 0) return [];
  const known = [...new Set(images.flatMap(({ names }) => names))];
  throw zoneError(
    'USAGE_BAD_ARGUMENT',
    ref === undefined ? 'there are several images in there' : `there is no image "${ref}" in there`,
    { hint: `Say with --ref which one: ${known.join(', ') || 'none of them has a name'}.`, context: { ref, known } },
  );
}

const savedSchema = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.nullish(v.array(v.string())),
    Layers: v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(maxLayers)),
  }),
);
type Saved = v.InferOutput<typeof savedSchema>[number];

/** `undefined`: some other file of that name. */
function savedImages(content: Buffer): Saved[] | undefined {
  const value = (() => {
    try {
      return parseJson(content, 'manifest');
    } catch {
      return undefined;
    }
  })();
  const isOurs =
    Array.isArray(value) && value.some((one) => typeof one === 'object' && one !== null && 'Layers' in one);
  if (!isOurs) return undefined;
  const result = v.safeParse(savedSchema, value);
  if (result.success) return result.output;
  throw invalid('manifest', `is wrong at "${v.getDotPath(result.issues[0]) ?? ''}": ${result.issues[0].message}`);
}

/** Layers are known by their paths; what is in them, the config's diff_ids say. */
async function readSaved(directory: string, saved: readonly Saved[], options: LayoutOptions): Promise<LayoutImage> {
  const images = saved.map((entry) => ({ entry, names: entry.RepoTags ?? [] }));
  const [only] = choose(images, { ref: options.ref, several: images.length > 1 });
  if (only === undefined) throw invalid('manifest', 'lists no images');
  const text = await readInside(directory, only.Config, maxDocumentBytes);
  if (text === undefined) throw invalid('config', `is missing, or larger than 4 MiB: ${JSON.stringify(only.Config)}`);
  const config = parseConfig(text, only.Layers.length);
  const paths = new Map(config.rootfs.diff_ids.map((diffId, index) => [diffId, only.Layers[index] ?? '']));
  const layers = await Promise.all(
    config.rootfs.diff_ids.map(async (diffId) => {
      await using file = await openInside(directory, paths.get(diffId) ?? '');
      if (file === undefined) throw invalid('manifest', `names a layer that is missing: ${paths.get(diffId)}`);
      const { size } = await file.stat();
      return { diffId, blob: { mediaType: 'application/vnd.docker.image.rootfs.diff.tar', digest: diffId, size } };
    }),
  );
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const arch = requirePlatform(config, options.arch);
  const content = contentOf(directory, (blob) => paths.get(blob.digest) ?? '');
  return { content, image: { digest, layers, arch, config: imageConfigOf(config) } };
}

function contentOf(directory: string, pathOf: (descriptor: Descriptor) => string): ContentSource {
  return {
    async readDocument(descriptor) {
      const content = await readInside(directory, pathOf(descriptor), maxDocumentBytes);
      if (content === undefined) throw missing(descriptor);
      return content;
    },
    async openBlob(descriptor, _offset, signal) {
      return { offset: 0, chunks: readChunks(directory, pathOf(descriptor), { descriptor, signal }) };
    },
    async openFile(descriptor) {
      const file = await openInside(directory, pathOf(descriptor));
      if (file === undefined) throw missing(descriptor);
      return file;
    },
  };
}

async function* readChunks(
  directory: string,
  path: string,
  { descriptor, signal }: { readonly descriptor: Descriptor; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  await using file = await openInside(directory, path);
  if (file === undefined) throw missing(descriptor);
  // Not given to the stream: one that is made when the signal has come already fails before anybody listens to it.
  for await (const chunk of file.createReadStream({ highWaterMark: readBytes, autoClose: false })) {
    signal?.throwIfAborted();
    yield chunk as Buffer;
  }
}

function missing({ digest }: Descriptor): Error {
  return invalid('content', `is not whole: there is no "${digest}", or it is larger than it may be`);
}
