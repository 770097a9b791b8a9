/** `image inspect`: everything that is known of one image. */
import { type ImageManifest, readImage, templateNames } from '../images/index.js';
import { layerDirectory } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { layersInUse } from './image-store.js';

export interface ImageDetails extends ImageManifest {
  /** Where the layers are, topmost first. */
  readonly directories: readonly string[];
  /** Names of the zones that are made of it. */
  readonly zones: readonly string[];
}

/** @throws IMAGE_NOT_FOUND with the nearest name */
export async function imageInspect({ roots }: HostContext, reference: string): Promise<ImageDetails> {
  const { name } = await resolveImageName(reference);
  const [image, users] = await Promise.all([readImage(roots, name, await templateNames()), layersInUse(roots)]);
  const directories = image.layers.map((digest) => layerDirectory(roots, digest));
  const zones = [...new Set(image.layers.flatMap((digest) => users.get(digest) ?? []))].sort();
  return { ...image, directories, zones };
}
