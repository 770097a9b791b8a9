/**
 * The first entry of an exported zone: what it is. Whoever wrote it may be an enemy, so everything in it is checked against
 * one schema, and what it asks for is judged in import-trust.ts. The form is described in docs/internals/export-format.md.
 */
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { type ImageConfig, imageConfigSchema } from '../images/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec, zoneOptionsOf } from '../spec/index.js';
import { imagePattern, namePattern } from '../spec/names.js';
import type { Lease, ZoneRecord } from '../state/index.js';

/** Its name in the archive. */
export const manifestName = 'tszone-export.json';
export const exportVersion = 1;
/** With snapshots: what lies in it then is layers, which a reader of the first version would take for a root. */
export const historyVersion = 2;

const text = v.pipe(v.string(), v.maxLength(4096));
const addressSchema = v.strictObject({
  interface: text,
  network: text,
  mac: text,
  ipv4: text,
  ipv6: v.exactOptional(text),
});

/** As `create` takes it. */
const specSchema = v.record(v.string(), v.unknown());
const imageSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(imagePattern, 'is not the name of an image')),
  kind: v.picklist(['layers', 'sparse']),
  arch: v.pipe(v.string(), v.regex(/^[a-z0-9]{1,16}$/, 'is not an architecture')),
  config: imageConfigSchema,
});
const machineIdSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'is not a machine id'));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const time = v.pipe(v.number(), v.minValue(0), v.maxValue(8.64e15));

/** As many as an overlay takes, and one for what the zone writes. */
const mostBelow = 200;
/** Layers by their numbers, topmost first. */
const chainSchema = v.pipe(
  v.array(count),
  v.maxLength(mostBelow),
  v.check((chain) => new Set(chain).size === chain.length, 'names a layer twice'),
);

const snapshotEntries = v.strictObject({
  name: v.pipe(v.string(), v.regex(namePattern, 'is not the name of a snapshot')),
  isNamed: v.boolean(),
  comment: v.exactOptional(text),
  createdAtMs: time,
  expiresAtMs: v.exactOptional(time),
  wasRunning: v.boolean(),
  frozenMs: v.exactOptional(time),
  copiedBytes: count,
  machineId: machineIdSchema,
  spec: specSchema,
  image: imageSchema,
  /** It has a part `locals/N`, N its place in the list. */
  hasLocal: v.boolean(),
  chain: chainSchema,
});
const snapshotSchema = v.pipe(
  snapshotEntries,
  v.check(({ hasLocal, image }) => hasLocal === (image.kind === 'sparse'), 'has a /usr/local that its kind has not'),
);

/** What was: `layers/0` and so on come before all other parts, `locals/N` after them. */
const historySchema = v.pipe(
  v.strictObject({
    layers: v.pipe(count, v.maxValue(2000)),
    /** Below the part `rootfs`. */
    chain: chainSchema,
    snapshots: v.pipe(v.array(snapshotSchema), v.maxLength(1000)),
  }),
  v.check(({ snapshots }) => new Set(snapshots.map(({ name }) => name)).size === snapshots.length, 'has a name twice'),
  v.check(({ layers, chain, snapshots }) => {
    const named = new Set([chain, ...snapshots.map((one) => one.chain)].flat());
    return named.size === layers && [...named].every((layer) => layer < layers);
  }, 'has layers that nothing is made of, or that are not there'),
);

const manifestSchema = v.strictObject({
  format: v.literal('tszone-export'),
  version: v.picklist([exportVersion, historyVersion]),
  /** ISO 8601, UTC. */
  createdAt: text,
  /** It ran: each file is as it was at some moment of the export. */
  running: v.boolean(),
  spec: specSchema,
  image: imageSchema,
  identity: v.strictObject({
    machineId: machineIdSchema,
    addresses: v.pipe(v.array(addressSchema), v.maxLength(64)),
  }),
  /** What follows, in this order: `rootfs`, and what a sparse zone has in /usr/local as `local`. */
  parts: v.pipe(v.array(v.picklist(['rootfs', 'local'])), v.minLength(1), v.maxLength(2)),
  /** Of all files, as they were counted before: a figure to show, not a promise. */
  sizeBytes: count,
  entries: count,
  /** With version 2, and only then. */
  history: v.exactOptional(historySchema),
});

export type ExportManifest = v.InferOutput<typeof manifestSchema>;
export type ExportHistory = v.InferOutput<typeof historySchema>;
export type ExportedSnapshot = v.InferOutput<typeof snapshotSchema>;

export interface ManifestInput {
  readonly record: ZoneRecord;
  readonly leases: readonly Lease[];
  readonly running: boolean;
  readonly parts: ExportManifest['parts'];
  readonly sizeBytes: number;
  readonly entries: number;
  readonly history?: ExportHistory | undefined;
}

export function makeManifest({ record, leases, history, ...counted }: ManifestInput): ExportManifest {
  const { machineId } = record;
  return {
    format: 'tszone-export',
    version: history === undefined ? exportVersion : historyVersion,
    createdAt: new Date().toISOString(),
    ...counted,
    ...whatItIs(record),
    identity: {
      machineId,
      addresses: leases.map(({ interfaceName, network, mac, ipv4, ipv6 }) => ({
        interface: interfaceName,
        network,
        mac,
        ipv4,
        ...(ipv6 === undefined ? {} : { ipv6 }),
      })),
    },
    ...(history === undefined ? {} : { history }),
  };
}

/** What a zone, or a snapshot, asks for and is made of. */
export function whatItIs({ spec, image }: Pick<ZoneRecord, 'spec' | 'image'>): Pick<ExportManifest, 'spec' | 'image'> {
  return {
    spec: zoneOptionsOf(spec) as unknown as ExportManifest['spec'],
    image: { name: image.name, kind: image.kind, arch: image.arch, config: whole(image.config) },
  };
}

/** Without the fields that are not there, and without what is of use only with the image's layers. */
function whole({ localLayer: _layer, ...config }: ZoneRecord['image']['config']): ImageConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as ImageConfig;
}

/** @throws EXPORT_INVALID */
export function parseManifest(json: string): { readonly manifest: ExportManifest; readonly spec: ZoneSpec } {
  const value = parseJson(json);
  const result = v.safeParse(manifestSchema, value);
  if (!result.success) {
    const { version } = (value ?? {}) as { version?: unknown };
    const isNewer = typeof version === 'number' && version > historyVersion;
    const issue = result.issues[0];
    throw isNewer
      ? invalid(`it was written by a newer tszone (version ${version})`)
      : invalid(`"${v.getDotPath(issue) ?? ''}" ${issue.message}`);
  }
  const manifest = result.output;
  if ((manifest.version === historyVersion) !== (manifest.history !== undefined))
    throw invalid('its version is not that of what it has');
  if (manifest.history?.snapshots.some(({ image }) => image.kind !== manifest.image.kind) === true)
    throw invalid('a snapshot is of another kind than its zone');
  return { manifest, spec: parseExportedSpec(manifest.spec) };
}

/** @throws EXPORT_INVALID */
export function parseExportedSpec(spec: ExportManifest['spec']): ZoneSpec {
  try {
    return parseZoneOptions({ ...spec, ephemeral: false } as unknown as ZoneOptions);
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid('it is no JSON', cause);
  }
}

function invalid(why: string, cause?: unknown): Error {
  return zoneError('EXPORT_INVALID', `the manifest of the exported zone is not valid: ${why}`, {
    hint: 'Export the zone again, with the tszone that it comes from or a newer one here.',
    context: { reason: why },
    cause,
  });
}
