/**
 * The first entry of an exported zone: what it is. Whoever wrote it may be an enemy, so everything in it is checked against
 * one schema, and what it asks for is judged in import-trust.ts. The form is described in docs/internals/export-format.md.
 */
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { type ImageConfig, imageConfigSchema } from '../images/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec, zoneOptionsOf } from '../spec/index.js';
import { imagePattern } from '../spec/names.js';
import type { Lease, ZoneRecord } from '../state/index.js';

/** Its name in the archive. */
export const manifestName = 'tszone-export.json';
export const exportVersion = 1;

const text = v.pipe(v.string(), v.maxLength(4096));
const addressSchema = v.strictObject({
  interface: text,
  network: text,
  mac: text,
  ipv4: text,
  ipv6: v.exactOptional(text),
});

const manifestSchema = v.strictObject({
  format: v.literal('tszone-export'),
  version: v.literal(exportVersion),
  /** ISO 8601, UTC. */
  createdAt: text,
  /** It ran: each file is as it was at some moment of the export. */
  running: v.boolean(),
  /** As `create` takes it. */
  spec: v.record(v.string(), v.unknown()),
  image: v.strictObject({
    name: v.pipe(v.string(), v.regex(imagePattern, 'is not the name of an image')),
    kind: v.picklist(['layers', 'sparse']),
    arch: v.pipe(v.string(), v.regex(/^[a-z0-9]{1,16}$/, 'is not an architecture')),
    config: imageConfigSchema,
  }),
  identity: v.strictObject({
    machineId: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'is not a machine id')),
    addresses: v.pipe(v.array(addressSchema), v.maxLength(64)),
  }),
  /** What follows, in this order: `rootfs`, and what a sparse zone has in /usr/local as `local`. */
  parts: v.pipe(v.array(v.picklist(['rootfs', 'local'])), v.minLength(1), v.maxLength(2)),
  /** Of all files, as they were counted before: a figure to show, not a promise. */
  sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  entries: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

export type ExportManifest = v.InferOutput<typeof manifestSchema>;

export interface ManifestInput {
  readonly record: ZoneRecord;
  readonly leases: readonly Lease[];
  readonly running: boolean;
  readonly parts: ExportManifest['parts'];
  readonly sizeBytes: number;
  readonly entries: number;
}

export function makeManifest({ record, leases, ...counted }: ManifestInput): ExportManifest {
  const { spec, image, machineId } = record;
  return {
    format: 'tszone-export',
    version: exportVersion,
    createdAt: new Date().toISOString(),
    ...counted,
    spec: zoneOptionsOf(spec) as unknown as ExportManifest['spec'],
    image: { name: image.name, kind: image.kind, arch: image.arch, config: whole(image.config) },
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
  };
}

/** Without the fields that are not there. */
function whole(config: ZoneRecord['image']['config']): ImageConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as ImageConfig;
}

/** @throws EXPORT_INVALID */
export function parseManifest(json: string): { readonly manifest: ExportManifest; readonly spec: ZoneSpec } {
  const value = parseJson(json);
  const result = v.safeParse(manifestSchema, value);
  if (!result.success) {
    const { version } = (value ?? {}) as { version?: unknown };
    const isNewer = typeof version === 'number' && version > exportVersion;
    const issue = result.issues[0];
    throw isNewer
      ? invalid(`it was written by a newer tszone (version ${version})`)
      : invalid(`"${v.getDotPath(issue) ?? ''}" ${issue.message}`);
  }
  const manifest = result.output;
  try {
    return { manifest, spec: parseZoneOptions({ ...manifest.spec, ephemeral: false } as unknown as ZoneOptions) };
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
