/** From the document behind a name to one image: its layers, each with what it has to be unpacked, and its config. */
import { zoneError } from '../../errors/index.js';
import type { ImageConfig } from '../manifest.js';
import { imageConfigOf } from './config.js';
import { type Descriptor, invalid, type OciManifest, parseConfig, parseRoot } from './documents.js';
import { choosePlatform, requirePlatform } from './platform.js';
import { type ContentSource, readVerified } from './source.js';

export interface OciLayer {
  readonly blob: Descriptor;
  /** Digest of the uncompressed archive. */
  readonly diffId: string;
}

export interface OciImage {
  /** Of its manifest. */
  readonly digest: string;
  /** Lowest first, as images list them. */
  readonly layers: readonly OciLayer[];
  readonly arch: string;
  readonly config: ImageConfig;
}

export interface FirstDocument {
  readonly content: Buffer;
  readonly mediaType: string | undefined;
  readonly digest: string;
}

export interface ResolveOptions {
  /** Debian's name. */
  readonly arch?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An index may hold indexes; deeper is no honest one. */
const maxDepth = 3;

/** @throws IMAGE_MANIFEST_INVALID, IMAGE_DIGEST_MISMATCH, IMAGE_PLATFORM_MISSING; what the source throws */
export async function resolveImage(
  source: ContentSource,
  first: FirstDocument,
  { arch, signal }: ResolveOptions,
): Promise<OciImage> {
  let { content, mediaType, digest } = first;
  for (let depth = 0; ; depth += 1) {
    const root = parseRoot(content, mediaType);
    if (root.kind === 'manifest') return readImage(source, { manifest: root.manifest, digest }, { arch, signal });
    if (depth === maxDepth) throw invalid('index', `holds indexes that are nested deeper than ${maxDepth}`);
    const chosen = choosePlatform(root.index.manifests, arch);
    content = await readVerified(source, chosen, signal);
    ({ mediaType, digest } = chosen);
  }
}

async function readImage(
  source: ContentSource,
  { manifest, digest }: { readonly manifest: OciManifest; readonly digest: string },
  { arch: wanted, signal }: ResolveOptions,
): Promise<OciImage> {
  const config = parseConfig(await readVerified(source, manifest.config, signal), manifest.layers.length);
  const arch = requirePlatform(config, wanted);
  const layers = manifest.layers.map((blob, index) => ({ blob, diffId: config.rootfs.diff_ids[index] ?? '' }));
  return { digest, layers, arch, config: imageConfigOf(config) };
}

/** Before anything is fetched. @throws IMAGE_TOO_LARGE */
export function requireSize({ layers }: OciImage, maxBytes: number): void {
  const bytes = layers.reduce((sum, { blob }) => sum + blob.size, 0);
  if (bytes <= maxBytes) return;
  throw zoneError('IMAGE_TOO_LARGE', `the image's layers have ${bytes} bytes, more than ${maxBytes}`, {
    hint: 'Pass a larger --max-size if the image is to be trusted.',
    context: { bytes, maxBytes },
  });
}
