/** `publish`: what a zone is becomes an image. */
import type { Readable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { readdir } from '../host/quick-fs.js';
import {
  findImage,
  type ImageConfig,
  type ImageManifest,
  type ImageTable,
  type OnProgress,
  withImagesLocked,
} from '../images/index.js';
import { requireSnapshotRef } from '../spec/index.js';
import { isErrno, type Roots, type ZoneRecord } from '../state/index.js';
import { hasLayer, stageLayer, sweepStaging } from '../storage/index.js';
import { archiveError, startArchiveTool, ToolTalk } from './archive-tool.js';
import { boundary } from './boundaries.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { listImage, refuseExistingImage } from './image-store.js';
import { commitLayer, unpackLayer } from './make-layer.js';
import type { RequireStillThere } from './still-there.js';
import { withPartsOf } from './zone-at-snapshot.js';
import { type ArchivePart, partOptions, type ZonePart } from './zone-parts.js';

export interface PublishOptions {
  /** ZONE, or ZONE@SNAPSHOT. */
  readonly zone: string;
  /** NAME[:TAG] */
  readonly image: string;
  readonly description?: string | undefined;
  /** Replace an image of that name. */
  readonly force?: boolean | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Every lookup of a name that is not there goes through all of them. */
const mostLayers = 32;

/**
 * What the zone has written becomes a layer above those of its image, without machine-id and ssh host keys. A zone of many layers
 * becomes one of one. A running zone is not stopped: each file is as it was at some moment meanwhile.
 *
 * Of a sparse zone, what it has in /usr/local goes into the layer, too, as usr/local: zones of the image begin with it.
 *
 * @throws ZONE_NOT_FOUND, IMAGE_EXISTS without `force`, RESOURCE_DISK_FULL
 */
export async function publishZone(host: HostContext, options: PublishOptions): Promise<ImageManifest> {
  const { roots } = host;
  const { name, check } = await checkPublish(roots, options);
  return withPartsOf(
    host,
    requireSnapshotRef(options.zone),
    { signal: options.signal },
    async ([root, local], record, requireStillThere) =>
      publishRoot(
        host,
        { record, root, local: await ownLocal(record, local), name, check, requireStillThere },
        options,
      ),
  );
}

/** @throws IMAGE_EXISTS without `force` */
export async function checkPublish(
  roots: Roots,
  { image, force }: Pick<PublishOptions, 'image' | 'force'>,
): Promise<{ readonly name: string; readonly check: (images: ImageTable) => void }> {
  const { name } = await resolveImageName(image);
  const check = (images: ImageTable) => refuseExistingImage(images, name, force === true);
  const existing = await findImage(roots, name);
  if (existing !== undefined) check({ [name]: existing });
  return { name, check };
}

interface PublishInput {
  readonly record: ZoneRecord;
  readonly root: ZonePart | undefined;
  /** Of a sparse zone, if it has anything there, or its image has. */
  readonly local: ZonePart | undefined;
  /** Of the image. */
  readonly name: string;
  readonly check: (images: ImageTable) => void;
  readonly requireStillThere: RequireStillThere;
}

async function publishRoot(
  host: HostContext,
  { record, root, local, name, check, requireStillThere }: PublishInput,
  options: PublishOptions,
): Promise<ImageManifest> {
  const { roots } = host;
  const zone = record.spec.name;
  const [upper, ...below] = root?.directories ?? [];
  if (root === undefined || upper === undefined) throw new Error('a zone without a root');
  const isFlat = becomesOneLayer(record, below.length);
  await sweepStaging(roots);
  await using staging = await stageLayer(roots);
  const parts = [
    { name: '.', directories: isFlat ? root.directories : [upper] },
    ...(local === undefined ? [] : [{ name: 'usr/local', directories: local.directories }]),
  ];
  const archive = packed(parts, isFlat, options.signal);
  const unpacked = await unpackLayer(staging, { archive, progress: options.progress, signal: options.signal });
  boundary('publish', zone, 'unpacked');
  await requireStillThere();
  const layers = isFlat ? [unpacked.digest] : [unpacked.digest, ...record.image.layers];
  const own = manifestOf(record, { name, layers, sizeBytes: unpacked.sizeBytes, options });
  const manifest = local === undefined ? own : { ...own, config: { ...own.config, localLayer: unpacked.digest } };
  await withImagesLocked(roots, async () => {
    await requireLayers(host, record, layers.slice(1));
    await commitLayer(roots, staging, unpacked);
    boundary('publish', zone, 'layer');
    await listImage(roots, manifest, check);
  });
  boundary('publish', zone, 'done');
  return manifest;
}

/** Frozen layers are no image's. */
export const becomesOneLayer = (record: Pick<ZoneRecord, 'storage'>, layersBelow: number): boolean =>
  layersBelow >= mostLayers || (record.storage?.layers ?? []).length > 0;

/** The packer's stream; throws where it ends if the packer has not ended well. */
async function* packed(
  parts: readonly ArchivePart[],
  isFlat: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  // Of the image that the zone came from, where the root shows it: what is there now is a part of its own.
  const skip = parts.length > 1 ? ['--skip', './usr/local'] : [];
  const args = [...partOptions(parts), ...skip, ...(isFlat ? [] : ['--whiteouts'])];
  const tool = startArchiveTool('pack', args, { stdin: 'ignore', stdout: 'pipe', signal });
  const talk = new ToolTalk();
  const listening = talk.listen(tool.stderr);
  listening.catch(() => undefined);
  try {
    yield* tool.stdout as Readable as AsyncIterable<Buffer>;
    await listening;
    const status = await tool.exited;
    signal?.throwIfAborted();
    if (status !== 0) throw archiveError(talk, status, 'publish', full);
  } finally {
    tool.kill();
  }
}

const full = {
  message: 'no space left for the image',
  hint: 'Free space on the file system of the root, or use another --root.',
};

interface ManifestInput {
  readonly name: string;
  readonly layers: readonly string[];
  readonly sizeBytes: number;
  readonly options: PublishOptions;
}

function manifestOf(record: ZoneRecord, { name, layers, sizeBytes, options }: ManifestInput): ImageManifest {
  const { image } = record;
  const { description } = options;
  return {
    manifestVersion: 1,
    name,
    kind: image.kind,
    layers: [...layers],
    arch: image.arch,
    createdAt: new Date().toISOString(),
    sizeBytes,
    source: { kind: 'zone', zone: options.zone },
    config: configOf(record),
    ...(description === undefined ? {} : { description }),
  };
}

/** What the zone says itself counts more than what its image says. */
function configOf({ spec, image }: ZoneRecord): ImageConfig {
  const config = {
    ...image.config,
    cmd: spec.command.length > 0 ? spec.command : image.config.cmd,
    env: { ...image.config.env, ...spec.env },
    user: spec.user ?? image.config.user,
    workdir: spec.workdir ?? image.config.workdir,
    init: spec.init ?? image.config.init,
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as ImageConfig;
}

/** Of an image that had something there, what is not there any more is told by a whole, empty one. */
async function ownLocal({ image }: ZoneRecord, local: ZonePart | undefined): Promise<ZonePart | undefined> {
  if (local === undefined || image.config.localLayer !== undefined) return local;
  const names = await readdir(local.directories[0] ?? '').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  return names.length === 0 ? undefined : local;
}

/** The zone may have been deleted meanwhile, and its image with it. */
async function requireLayers({ roots }: HostContext, { spec }: ZoneRecord, layers: readonly string[]): Promise<void> {
  const found = await Promise.all(layers.map((digest) => hasLayer(roots, digest)));
  if (found.every(Boolean)) return;
  throw zoneError('ZONE_NOT_FOUND', `zone "${spec.name}" was deleted while it was published`, {
    hint: 'See "tszone list" for the zones that there are.',
    context: { zone: spec.name },
  });
}
