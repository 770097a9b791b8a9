/** `image list`: what there is, and what could be built. */
import { type ImageManifest, listImages, listTemplates } from '../images/index.js';
import type { HostContext } from './host-context.js';
import { layersInUse } from './image-store.js';

export interface ImageSummary {
  readonly name: string;
  readonly kind: ImageManifest['kind'];
  readonly arch: string;
  /** Of the topmost layer. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly createdAt: string;
  /** Names of the zones that are made of it. */
  readonly zones: readonly string[];
}

export interface TemplateSummary {
  readonly name: string;
  readonly description: string;
}

/** Sorted by name. */
export async function imageList({ roots }: HostContext): Promise<ImageSummary[]> {
  const [images, users] = await Promise.all([listImages(roots), layersInUse(roots)]);
  return images.map((image) => summaryOf(image, users));
}

export async function templateList(): Promise<TemplateSummary[]> {
  return (await listTemplates()).map(({ name, description }) => ({ name, description }));
}

export function summaryOf(image: ImageManifest, users: ReadonlyMap<string, readonly string[]>): ImageSummary {
  const { name, kind, arch, sizeBytes, createdAt, layers } = image;
  const zones = [...new Set(layers.flatMap((digest) => users.get(digest) ?? []))].sort();
  return { name, kind, arch, digest: layers[0] ?? '', sizeBytes, createdAt, zones };
}
