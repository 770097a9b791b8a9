/** What an OCI registry or layout says of an image: index, manifest, config. Checked at the door; unknown keys are of no concern. */
import * as v from 'valibot';
import { type ZoneError, zoneError } from '../../errors/index.js';

/** No honest one is larger (distribution spec: registries need not take more). */
export const maxDocumentBytes = 4 << 20;
/** As many as other engines take; a zone's root needs a few more. */
export const maxLayers = 127;
const maxIndexEntries = 4096;

export const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
] as const;
export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;
export const configTypes: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
/** The content's own first bytes tell how it is compressed. */
const layerTypes: readonly string[] = [
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
];

const digest = v.pipe(v.string('is not a text'), v.regex(/^sha256:[0-9a-f]{64}$/, 'is not a sha256 digest'));
const text = v.string('is not a text');
const texts = v.array(text, 'is not a list of texts');
const maybe = <S extends v.GenericSchema>(schema: S) => v.nullish(schema);
const names = v.record(v.string(), v.unknown(), 'is not an object');

const platformSchema = v.object(
  { os: maybe(text), architecture: maybe(text), variant: maybe(text) },
  'is not an object',
);
const descriptorSchema = v.object(
  {
    mediaType: text,
    digest,
    size: v.pipe(v.number('is not a number'), v.safeInteger('is not a size'), v.minValue(0, 'is not a size')),
    annotations: maybe(v.record(v.string(), text, 'is not a set of texts')),
    platform: maybe(platformSchema),
  },
  'is not an object',
);
const indexSchema = v.object(
  {
    manifests: v.pipe(
      v.array(descriptorSchema, 'is not a list'),
      v.maxLength(maxIndexEntries, `has more than ${maxIndexEntries} entries`),
    ),
  },
  'is not an object',
);
const manifestSchema = v.object(
  {
    config: descriptorSchema,
    layers: v.pipe(
      v.array(descriptorSchema, 'is not a list'),
      v.maxLength(maxLayers, `has more than ${maxLayers} layers`),
    ),
  },
  'is not an object',
);
const configSchema = v.object(
  {
    os: maybe(text),
    architecture: text,
    variant: maybe(text),
    rootfs: v.object({ diff_ids: v.array(digest, 'is not a list') }, 'is not an object'),
    config: maybe(
      v.object(
        {
          Env: maybe(texts),
          Cmd: maybe(texts),
          Entrypoint: maybe(texts),
          User: maybe(text),
          WorkingDir: maybe(text),
          Volumes: maybe(names),
          ExposedPorts: maybe(names),
          StopSignal: maybe(text),
          Labels: maybe(v.record(v.string(), text, 'is not a set of texts')),
        },
        'is not an object',
      ),
    ),
  },
  'is not an object',
);

export type Descriptor = v.InferOutput<typeof descriptorSchema>;
export type OciIndex = v.InferOutput<typeof indexSchema>;
export type OciManifest = v.InferOutput<typeof manifestSchema>;
export type OciConfig = v.InferOutput<typeof configSchema>;

/** Either of the two, told apart by its media type; by what it has where it says none. */
export type RootDocument =
  | { readonly kind: 'index'; readonly index: OciIndex }
  | { readonly kind: 'manifest'; readonly manifest: OciManifest };

/** @param mediaType as whoever gave it says @throws IMAGE_MANIFEST_INVALID */
export function parseRoot(content: Buffer, mediaType: string | undefined): RootDocument {
  const value = parseJson(content, 'manifest');
  const fields: { readonly mediaType?: unknown; readonly schemaVersion?: unknown } =
    typeof value === 'object' && value !== null ? value : {};
  const type = typeof fields.mediaType === 'string' ? fields.mediaType : specific(mediaType);
  if (fields.schemaVersion === 1 || type?.startsWith(oldTypes) === true) throw old();
  if (isOneOf(indexTypes, type)) return { kind: 'index', index: check(indexSchema, value, 'index') };
  if (isOneOf(manifestTypes, type)) return { kind: 'manifest', manifest: parseManifest(value) };
  if (type === undefined && 'manifests' in fields) {
    return { kind: 'index', index: check(indexSchema, value, 'index') };
  }
  if (type === undefined) return { kind: 'manifest', manifest: parseManifest(value) };
  throw invalid('manifest', `is of a type that is not supported: ${JSON.stringify(type)}`);
}

const oldTypes = 'application/vnd.docker.distribution.manifest.v1+';

/** What a plain file server says of any file says nothing. */
function specific(mediaType: string | undefined): string | undefined {
  return ['', 'application/json', 'application/octet-stream', 'text/plain'].includes(mediaType ?? '')
    ? undefined
    : mediaType;
}

function old(): ZoneError {
  const problem = 'is of the first version, which Docker has given up in 2019: its layers have no digests of their own';
  return zoneError('IMAGE_MANIFEST_INVALID', `the image's manifest ${problem}`, {
    hint: 'Push it anew by an engine of today, or convert it: skopeo copy --format oci docker://HOST/PATH:TAG oci:layout, then "tszone image import NAME layout".',
    context: { what: 'manifest', problem },
  });
}

/** Of a layout: `index.json`. @throws IMAGE_MANIFEST_INVALID */
export function parseIndex(content: Buffer): OciIndex {
  return check(indexSchema, parseJson(content, 'index'), 'index');
}

function parseManifest(value: unknown): OciManifest {
  const manifest = check(manifestSchema, value, 'manifest');
  if (!configTypes.includes(manifest.config.mediaType)) {
    throw invalid('manifest', `is not that of an image: its config is ${JSON.stringify(manifest.config.mediaType)}`);
  }
  if (manifest.layers.length === 0) throw invalid('manifest', 'has no layers');
  for (const { mediaType } of manifest.layers) {
    if (layerTypes.includes(mediaType)) continue;
    const isForeign = /foreign|nondistributable/.test(mediaType);
    throw invalid(
      'manifest',
      isForeign
        ? 'has a layer that registries do not hold (a foreign layer, as of Windows)'
        : `has a layer of a type that is not supported: ${JSON.stringify(mediaType)}`,
    );
  }
  return manifest;
}

/** @throws IMAGE_MANIFEST_INVALID */
export function parseConfig(content: Buffer, layerCount: number): OciConfig {
  const config = check(configSchema, parseJson(content, 'config'), 'config');
  const found = config.rootfs.diff_ids.length;
  if (found !== layerCount) throw invalid('config', `names ${found} layers, the manifest ${layerCount}`);
  return config;
}

export function parseJson(content: Buffer, what: string): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw invalid(what, 'is not JSON', cause);
  }
}

function check<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const at = v.getDotPath(issue);
  throw invalid(what, at === null ? issue.message : `is wrong at "${at}": ${issue.message}`);
}

/** `what` is the index, manifest or config of an image. */
export function invalid(what: string, problem: string, cause?: unknown): ZoneError {
  return zoneError('IMAGE_MANIFEST_INVALID', `the image's ${what} ${problem}`, {
    hint: 'Ask whoever made the image for one that other engines take (skopeo inspect --raw shows the manifest).',
    context: { what, problem },
    cause,
  });
}

function isOneOf(types: readonly string[], type: string | undefined): boolean {
  return type !== undefined && types.includes(type);
}
