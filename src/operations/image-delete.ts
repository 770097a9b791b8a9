/** `image delete` and `image prune`. */
import { zoneError } from '../errors/index.js';
import {
  changeImages,
  findImage,
  forgetSteps,
  type ImageManifest,
  sweepImageLocks,
  sweepPulls,
  withImagesLocked,
} from '../images/index.js';
import { type Roots, readZones } from '../state/index.js';
import { sweepBlobs, sweepStaging } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { removeUnused, requireReadableZones, sweepOutlines } from './image-store.js';

/**
 * Removes the image and the layers that nothing else is made of.
 *
 * @returns false if there was none
 * @throws IMAGE_IN_USE zones are made of it · STATE_CORRUPT a zone cannot be read, and may be
 */
export async function imageDelete({ roots }: HostContext, reference: string): Promise<boolean> {
  const { name } = await resolveImageName(reference);
  return withImagesLocked(roots, async () => {
    const image = await findImage(roots, name);
    if (image === undefined) return false;
    await requireReadableZones(roots);
    await refuseUsed(roots, image);
    const images = await changeImages(roots, ({ [name]: _gone, ...others }) => others);
    await removeUnused(roots, images);
    return true;
  });
}

/**
 * A zone of a replaced image of the same name has other layers, and is no hindrance; nor is one of another image that has some of the same: a
 * layer stays for as long as a zone is made of it.
 */
export async function refuseUsed(roots: Roots, image: ImageManifest): Promise<void> {
  const isMadeOf = ({ layers }: { readonly layers: readonly string[] }) => layers[0] === image.layers[0];
  const zones = (await readZones(roots)).filter((zone) => isMadeOf(zone.image)).map(({ spec }) => spec.name);
  if (zones.length === 0) return;
  throw zoneError('IMAGE_IN_USE', `image "${image.name}" is used by ${zones.map((zone) => `"${zone}"`).join(', ')}`, {
    hint: `Run "tszone ${zones[0]?.includes('@') === true ? 'snapshot ' : ''}delete ${zones[0]}" first.`,
    context: { image: image.name, zones },
  });
}

export interface Pruned {
  readonly layers: readonly string[];
  /** Of killed imports. */
  readonly staging: number;
  /** Of interrupted pulls. */
  readonly blobs: number;
}

/**
 * Removes layers that nothing is made of, those that only the next build would take, and what killed imports and interrupted pulls have left.
 *
 * @throws STATE_CORRUPT a zone cannot be read
 */
export async function imagePrune({ roots }: HostContext): Promise<Pruned> {
  const staging = await sweepStaging(roots);
  const pulls = await sweepPulls(roots);
  const blobs = await sweepBlobs(roots, new Set(pulls.flatMap((pull) => pull.blobs)));
  await sweepImageLocks(roots);
  const layers = await withImagesLocked(roots, async () => {
    await forgetSteps(roots);
    const removed = await removeUnused(roots, await changeImages(roots, (images) => images));
    await sweepOutlines(roots);
    return removed;
  });
  return { layers, staging, blobs };
}
