/** How an image comes to be on disk, whatever it is made from: unpacked aside, named by one rename, then listed. */
import { zoneError } from '../errors/index.js';
import {
  type ArchiveLimits,
  type ArchiveSource,
  type BuiltArchive,
  changeImages,
  detectArch,
  type ImageManifest,
  type ImageSource,
  type ImageTable,
  listImages,
  listPulls,
  nativeArch,
  type OnProgress,
  type Pull,
  readSteps,
  type StepTable,
  withImagesLocked,
} from '../images/index.js';
import { type Roots, readSnapshots, readZones, scanZones, type ZoneImage } from '../state/index.js';
import {
  hasLayer,
  listLayers,
  listOutlines,
  removeLayer,
  removeOutline,
  stageLayer,
  sweepStaging,
} from '../storage/index.js';
import { boundary } from './boundaries.js';
import { commitLayer, unpackLayer } from './make-layer.js';

export interface NewImage {
  /** In its one form. */
  readonly name: string;
  readonly source: ImageSource;
  /** Told by the programs in it if not given. */
  readonly arch?: string | undefined;
  readonly totalBytes?: number | undefined;
  readonly limits?: ArchiveLimits | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the images locked, before the name is given. */
  readonly check?: ((images: ImageTable) => void) | undefined;
  /** Looks at what was unpacked: if it makes an image of its own of that, it is no layer. */
  readonly divert?: ((tree: string) => Promise<ImageManifest | undefined>) | undefined;
}

/**
 * Makes the layer and lists the image. A kill at any instant leaves the image as it was before, or as it is after, and at
 * most a directory that the next import sweeps up.
 *
 * @param open what to unpack; `scratch` is an empty directory for it
 * @throws IMAGE_ARCHIVE_INVALID, RESOURCE_DISK_FULL, KERNEL_STEP_FAILED; what `open` and `check` throw
 */
export async function storeImage(
  roots: Roots,
  image: NewImage,
  open: (scratch: string) => Promise<Omit<BuiltArchive, 'archive'> & { readonly archive: ArchiveSource }>,
): Promise<ImageManifest> {
  const { name, source, totalBytes, limits, progress, signal } = image;
  await sweepStaging(roots);
  await using staging = await stageLayer(roots);
  boundary('image', name, 'stage');
  const built = await open(staging.scratch);
  const unpacked = await unpackLayer(staging, { archive: built.archive, totalBytes, limits, progress, signal });
  boundary('image', name, 'unpacked');
  const diverted = await image.divert?.(staging.tree);
  if (diverted !== undefined) return diverted;
  const manifest: ImageManifest = {
    manifestVersion: 1,
    name,
    kind: built.kind,
    layers: [unpacked.digest],
    arch: image.arch ?? (await detectArch(staging.tree)) ?? nativeArch,
    createdAt: new Date().toISOString(),
    sizeBytes: unpacked.sizeBytes,
    source: withFingerprint(source, built.fingerprint),
    config: built.config,
  };
  signal?.throwIfAborted();
  await withImagesLocked(roots, async () => {
    await commitLayer(roots, staging, unpacked);
    boundary('image', name, 'layer');
    await listImage(roots, manifest, image.check);
  });
  boundary('image', name, 'list');
  return manifest;
}

/** Call with the images locked, when its layers are there. */
export async function listImage(
  roots: Roots,
  manifest: ImageManifest,
  check?: (images: ImageTable) => void,
): Promise<void> {
  const images = await changeImages(roots, (table) => {
    check?.(table);
    return { ...table, [manifest.name]: manifest };
  });
  // The image is there; what it replaces is removed when it is certain that nothing needs it.
  if ((await scanZones(roots)).unreadable.length === 0) await removeUnused(roots, images);
}

function withFingerprint(source: ImageSource, fingerprint: string | undefined): ImageSource {
  return source.kind === 'template' && fingerprint !== undefined ? { ...source, fingerprint } : source;
}

/**
 * Before a layer is removed, all zones have to be known.
 *
 * @throws STATE_CORRUPT the record of a zone cannot be read
 */
export async function requireReadableZones(roots: Roots): Promise<void> {
  const [first] = (await scanZones(roots)).unreadable;
  if (first === undefined) return;
  const { name, error } = first;
  throw zoneError('STATE_CORRUPT', `zone "${name}" cannot be read, so nobody knows which image it is made of`, {
    hint: `Restore its zone.json from a backup, or run "tszone delete --force ${name}" first.`,
    context: { zone: name, ...error.context },
    cause: error,
  });
}

/** Digest → names of the zones and snapshots that are made of it, as far as zones' records can be read. @throws STATE_CORRUPT */
export async function layersInUse(roots: Roots): Promise<ReadonlyMap<string, readonly string[]>> {
  const users = new Map<string, string[]>();
  const add = (name: string, { layers }: ZoneImage) => {
    for (const digest of layers) users.set(digest, [...(users.get(digest) ?? []), name]);
  };
  for (const { spec, image } of await readZones(roots)) {
    add(spec.name, image);
    for (const snapshot of await readSnapshots(roots, spec.name)) add(`${spec.name}@${snapshot.name}`, snapshot.image);
  }
  return users;
}

/**
 * Call with the images locked. Removes layers that neither an image nor a zone is made of; returns them.
 *
 * @throws STATE_CORRUPT the record of a zone cannot be read
 */
export async function removeUnused(roots: Roots, images?: ImageTable): Promise<string[]> {
  await requireReadableZones(roots);
  const unused = await unusedLayers(roots, images === undefined ? await listImages(roots) : Object.values(images));
  for (const digest of unused) {
    await removeLayer(roots, digest);
    await removeOutline(roots, digest);
  }
  return unused;
}

/** Call with the images locked: what is known of archives whose layers are gone. */
export async function sweepOutlines(roots: Roots): Promise<void> {
  const layers = new Set(await listLayers(roots));
  for (const digest of await listOutlines(roots)) if (!layers.has(digest)) await removeOutline(roots, digest);
}

/** What else layers are kept for; as it is now, if not given. */
interface Wanted {
  readonly pulls?: readonly Pull[];
  readonly steps?: StepTable;
}

/** Layers that neither these images nor a zone is made of, that no pull is about to make an image of, and no build of a template would take. */
export async function unusedLayers(
  roots: Roots,
  images: readonly Pick<ImageManifest, 'layers'>[],
  wanted: Wanted = {},
): Promise<string[]> {
  const { pulls = await listPulls(roots), steps = await readSteps(roots) } = wanted;
  const cached = Object.values(steps).map(({ digest }) => digest);
  const made = [...images, ...pulls].flatMap(({ layers }) => layers);
  const listed = new Set([...made, ...cached]);
  const users = await layersInUse(roots);
  return (await listLayers(roots)).filter((digest) => !listed.has(digest) && !users.has(digest));
}

/** False if a layer is missing, as after a restore of the index alone. */
export async function hasLayers(roots: Roots, image: { readonly layers: readonly string[] }): Promise<boolean> {
  const found = await Promise.all(image.layers.map((digest) => hasLayer(roots, digest)));
  return found.every(Boolean);
}

/** A check for NewImage: the name is free, or may be replaced. @throws IMAGE_EXISTS */
export function refuseExistingImage(images: ImageTable, name: string, force: boolean): void {
  if (force || images[name] === undefined) return;
  throw zoneError('IMAGE_EXISTS', `image "${name}" exists already`, {
    hint: 'Pass --force to replace it (zones keep what they were made of), or choose another name.',
    context: { image: name },
  });
}
