/** The image that a zone is made from: the one that is there, else built if it is shipped as a template, pulled if it names a registry. */
import { zoneError } from '../errors/index.js';
import {
  findImage,
  type ImageManifest,
  type OnProgress,
  parseRegistryReference,
  readImage,
  templateFingerprint,
  templateNames,
  withImagesLocked,
} from '../images/index.js';
import type { ZoneImage } from '../state/index.js';
import { buildImage, lockBuild } from './build-image.js';
import type { HostContext } from './host-context.js';
import { type ResolvedName, resolveImageName } from './image-names.js';
import { hasLayers } from './image-store.js';
import { zoneImageOf } from './zone-image.js';

export type PullPolicy = 'missing' | 'never' | 'always';

export interface EnsureImageOptions {
  readonly pull: PullPolicy;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws IMAGE_NOT_FOUND with the nearest name, or with `pull: 'never'` what is not there yet; what a build throws
 */
export async function ensureImage(
  host: HostContext,
  reference: string,
  options: EnsureImageOptions,
): Promise<ZoneImage> {
  return zoneImageOf(await ensureManifest(host, reference, options));
}

/** The same, with all that is known of the image. */
export async function ensureManifest(
  host: HostContext,
  reference: string,
  options: EnsureImageOptions,
): Promise<ImageManifest> {
  const resolved = await resolveImageName(reference);
  const { name, recipe } = resolved;
  const isOfRegistry = recipe === undefined && parseRegistryReference(reference) !== undefined;
  const isRenewed = options.pull === 'always' && (recipe !== undefined || isOfRegistry);
  const found = isRenewed ? undefined : await findUsable(host, resolved);
  if (found !== undefined) return found;
  if (isOfRegistry) return pull(host, reference, options);
  if (recipe === undefined) return readImage(host.roots, name, await templateNames());
  if (options.pull === 'never') throw notPulled(name);
  await using _lock = await lockBuild(host, name, options.signal);
  // Somebody else may have built it while we waited for the lock.
  const raced = options.pull === 'always' ? undefined : await findUsable(host, resolved);
  return raced ?? (await buildImage(host, { name, ...recipe, ensure: ensureManifest }, options));
}

/**
 * The same, and nobody can remove the image's layers while `work` records who uses them.
 *
 * @throws what `ensureImage` and `work` throw
 */
export async function withImage<T>(
  host: HostContext,
  reference: string,
  options: EnsureImageOptions,
  work: (image: ZoneImage) => Promise<T>,
): Promise<T> {
  for (;;) {
    const image = await ensureImage(host, reference, options);
    const done = await withImagesLocked(host.roots, async () =>
      (await hasLayers(host.roots, image)) ? { value: await work(image) } : undefined,
    );
    if (done !== undefined) return done.value;
  }
}

/** Listed, with its layers, and (sparse) made of what the host's files are now. */
async function findUsable({ roots, facts }: HostContext, resolved: ResolvedName): Promise<ImageManifest | undefined> {
  const image = await findImage(roots, resolved.name);
  if (image === undefined || !(await hasLayers(roots, image))) return undefined;
  if (resolved.recipe === undefined || image.source.kind !== 'template') return image;
  const now = await templateFingerprint(resolved.recipe.template, facts);
  return now === image.source.fingerprint ? image : undefined;
}

/** What speaks to registries is loaded only now. */
async function pull(host: HostContext, reference: string, options: EnsureImageOptions): Promise<ImageManifest> {
  if (options.pull === 'never') {
    throw zoneError('IMAGE_NOT_FOUND', `image "${reference}" is not here yet`, {
      hint: `Run "tszone image pull ${reference}" first, or leave --pull never out.`,
      context: { image: reference, pull: 'never' },
    });
  }
  const { imagePull } = await import('./image-pull.js');
  return imagePull(host, reference, { progress: options.progress, signal: options.signal });
}

function notPulled(name: string): Error {
  return zoneError('IMAGE_NOT_FOUND', `image "${name}" is not built yet`, {
    hint: `Run "tszone image build ${name.replace(/:.*/, '')}" first, or leave --pull never out.`,
    context: { image: name, pull: 'never' },
  });
}
