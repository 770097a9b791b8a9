/** What an image is: one entry of `images/index.json`. */
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { type LimitName, limitEntries } from '../spec/index.js';

export const digestSchema = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/, 'is not a digest'));
const optional = <S extends v.GenericSchema>(schema: S) => v.exactOptional(schema);

const limitsSchema = v.partial(
  v.strictObject(
    v.entriesFromList(
      Object.keys(limitEntries) as LimitName[],
      v.union([v.string(), v.number()], 'is neither text nor a number'),
    ),
  ),
);

/** What zones of the image run, if they do not say otherwise. */
export const imageConfigSchema = v.strictObject({
  /** What runs; `cmd` are its arguments then. */
  entrypoint: optional(v.array(v.string())),
  cmd: optional(v.array(v.string())),
  env: optional(v.record(v.string(), v.string())),
  user: optional(v.string()),
  workdir: optional(v.string()),
  init: optional(v.picklist(['tiny', 'none', 'full'])),
  stopSignal: optional(v.number()),
  /** Directories that it writes to, also where the rest cannot be written. */
  volumes: optional(v.array(v.string())),
  /** That it listens on: `80/tcp`. */
  ports: optional(v.array(v.string())),
  labels: optional(v.record(v.string(), v.string())),
  /** What zones of the image may use, in the form of `create`'s flags, if they do not say otherwise. */
  limits: optional(limitsSchema),
  /** sparse: directories of the host that come in read-only. */
  hostDirs: optional(v.array(v.strictObject({ source: v.string(), target: v.string() }))),
  /** sparse: the layer whose usr/local zones begin with, as theirs; it is whole, whatever other layers have there. */
  localLayer: optional(digestSchema),
});

export const imageSourceSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('template'),
    template: v.string(),
    suite: optional(v.string()),
    /** debian: false if it was built without what SUITE-updates and SUITE-security have. */
    updates: optional(v.boolean()),
    /** Of what the build read on the host: another one means that the image is out of date. */
    fingerprint: optional(v.string()),
  }),
  v.strictObject({ kind: v.literal('archive'), file: optional(v.string()) }),
  /** With the digest of its manifest. */
  v.strictObject({ kind: v.literal('registry'), reference: v.string(), digest: digestSchema }),
  v.strictObject({ kind: v.literal('layout'), file: optional(v.string()), digest: digestSchema }),
  v.strictObject({ kind: v.literal('zone'), zone: v.string() }),
]);

export const imageManifestSchema = v.strictObject({
  manifestVersion: v.literal(1),
  name: v.string(),
  /** sparse: the layer is a skeleton; /usr comes from the host. */
  kind: v.picklist(['layers', 'sparse']),
  /** Digests of the uncompressed archives, topmost first. */
  layers: v.array(digestSchema),
  arch: v.string(),
  /** ISO 8601, UTC. */
  createdAt: v.string(),
  /** Of all files' content. */
  sizeBytes: v.number(),
  source: imageSourceSchema,
  config: imageConfigSchema,
  /** A text for people. */
  description: optional(v.string()),
});

export type ImageConfig = v.InferOutput<typeof imageConfigSchema>;
export type ImageSource = v.InferOutput<typeof imageSourceSchema>;
export type ImageManifest = v.InferOutput<typeof imageManifestSchema>;

/** @throws STATE_CORRUPT */
export function checkManifest(value: unknown, path: string): ImageManifest {
  const result = v.safeParse(imageManifestSchema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw zoneError('STATE_CORRUPT', `image index "${path}" is damaged at "${v.getDotPath(issue) ?? ''}"`, {
    hint: `Move "${path}" away and build or import the images again; zones keep theirs.`,
    context: { path, at: v.getDotPath(issue), message: issue.message },
  });
}
