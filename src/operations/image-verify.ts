/** `image verify`: whether the files of images are still those that were unpacked. */
import { createHash } from 'node:crypto';
import { hasCode, zoneError } from '../errors/index.js';
import { type ImageManifest, listImages, type OnProgress, readImage, templateNames } from '../images/index.js';
import { layerArchive } from '../images/layer-archive.js';
import type { Roots } from '../state/index.js';
import { hasLayer } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { layerSource } from './layer-source.js';

/** `unknown`: its archive cannot be made again, so there is nothing to compare with. */
export type LayerVerdict = 'ok' | 'damaged' | 'missing' | 'unknown';

export interface VerifiedLayer {
  readonly layer: string;
  readonly verdict: LayerVerdict;
  /** What is wrong. */
  readonly reason: string;
  /** Names of the images that are made of it. */
  readonly images: readonly string[];
}

export interface ImageVerifyOptions {
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the archive of each layer again, from its files and its outline, and hashes it.
 *
 * @param references none: all images
 * @throws IMAGE_NOT_FOUND · IMAGE_DAMAGED when all were looked at
 */
export async function imageVerify(
  { roots }: HostContext,
  references: readonly string[],
  options: ImageVerifyOptions = {},
): Promise<VerifiedLayer[]> {
  const images = references.length === 0 ? await listImages(roots) : await readAll(roots, references);
  const digests = [...new Set(images.flatMap(({ layers }) => layers))];
  const report = counter(options.progress);
  const layers: VerifiedLayer[] = [];
  for (const layer of digests) {
    const users = images.filter((image) => image.layers.includes(layer)).map(({ name }) => name);
    layers.push({ layer, images: users, ...(await verifyLayer(roots, layer, { report, signal: options.signal })) });
  }
  const bad = layers.filter(({ verdict }) => verdict === 'damaged' || verdict === 'missing');
  if (bad.length > 0) throw damaged(bad, layers);
  return layers;
}

async function readAll(roots: Roots, references: readonly string[]): Promise<ImageManifest[]> {
  const templates = await templateNames();
  const names = await Promise.all(references.map((reference) => resolveImageName(reference)));
  return Promise.all(names.map(({ name }) => readImage(roots, name, templates)));
}

async function verifyLayer(
  roots: Roots,
  digest: string,
  { report, signal }: { readonly report: (count: number) => void; readonly signal: AbortSignal | undefined },
): Promise<Pick<VerifiedLayer, 'verdict' | 'reason'>> {
  if (!(await hasLayer(roots, digest))) return { verdict: 'missing', reason: 'the layer is gone' };
  const source = await layerSource(roots, digest);
  if (source.outline === undefined) return { verdict: 'unknown', reason: 'its archive cannot be made again' };
  const hash = createHash('sha256');
  try {
    for await (const chunk of layerArchive(source, signal)) {
      hash.update(chunk);
      report(chunk.length);
    }
  } catch (error) {
    if (!hasCode(error, 'IMAGE_DAMAGED')) throw error;
    return { verdict: 'damaged', reason: `${error.context.reason}: ${error.context.entry}` };
  }
  const isSame = `sha256:${hash.digest('hex')}` === digest;
  return isSame ? { verdict: 'ok', reason: '' } : { verdict: 'damaged', reason: 'the content of a file has changed' };
}

function counter(progress: OnProgress | undefined): (count: number) => void {
  let bytes = 0;
  return (count) => {
    bytes += count;
    progress?.({ bytes });
  };
}

function damaged(bad: readonly VerifiedLayer[], layers: readonly VerifiedLayer[]): Error {
  const images = [...new Set(bad.flatMap((layer) => layer.images))].sort();
  const names = images.map((name) => `"${name}"`).join(', ');
  return zoneError('IMAGE_DAMAGED', `images are damaged: ${names} (${bad[0]?.reason})`, {
    hint: 'Check the disk; delete these images when no zone needs them, and pull, import or build them anew.',
    context: { images, layers },
  });
}
