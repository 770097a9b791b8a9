/** `import`: a zone from what `export` has written. The file may be an enemy's. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { withImagesLocked } from '../images/index.js';
import type { HostOp } from '../plan/index.js';
import { hasHostIds, parseZoneOptions, type ZoneSpec, zoneOptionsOf } from '../spec/index.js';
import { type ZoneImage, type ZoneRecord, zonePaths } from '../state/index.js';
import { emptyLayer, ensureEmptyLayer } from '../storage/index.js';
import { type ArchiveReader, openArchive } from './archive-reader.js';
import type { ArchiveSummary, OnArchiveProgress } from './archive-tool.js';
import { boundary } from './boundaries.js';
import { withoutAddresses } from './clone-spec.js';
import { type ExportManifest, parseManifest } from './export-manifest.js';
import type { HostContext } from './host-context.js';
import { judgeImport, type Trust } from './import-trust.js';
import { newZoneRecord, planCreate, refuseExisting } from './make-zone.js';
import { runTransaction, undoAll } from './transaction.js';
import { checkZoneFeasible } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { ensureNetworks, planAddressLease } from './zone-network.js';
import { partOptions } from './zone-parts.js';
import { directoryOf, planOpen, volumeOf, type ZoneVolume } from './zone-storage.js';

export interface ImportOptions extends OperationOptions {
  /** A path, a descriptor of this process (0 is its stdin), or a stream of an archive that is not compressed. */
  readonly source: string | number | Readable;
  /** Another than it had. */
  readonly name?: string | undefined;
  /** Host name, machine-id, MAC and IP addresses, ssh host keys: as they were; else all of them are new. */
  readonly keepIdentity?: boolean | undefined;
  /** Where its volume is to be kept: no pool of the host that it comes from is known here. */
  readonly pool?: string | undefined;
  /** What the file asks for that could harm this host. */
  readonly trust?: Trust | undefined;
  readonly progress?: OnArchiveProgress | undefined;
}

export interface ImportResult {
  readonly name: string;
  readonly spec: ZoneSpec;
  readonly entries: number;
  readonly sizeBytes: number;
  /** With `restrict`: fields of the spec that the zone was made without. */
  readonly leftOut: readonly string[];
  readonly skippedDevices: number;
  readonly skippedXattrs: number;
  /** So many are to be made anew. */
  readonly removedHostKeys: number;
}

/**
 * Nothing of the zone is there before all of it is, and nothing is left if a step fails.
 *
 * @throws EXPORT_INVALID, EXPORT_UNTRUSTED, ZONE_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL, HOST_TOOL_MISSING; what create throws
 */
export async function importZone(host: HostContext, options: ImportOptions): Promise<ImportResult> {
  const { signal, keepIdentity = false } = options;
  await using reader = await openArchive(options.source, signal);
  const parsed = parseManifest(reader.manifest);
  const { spec, image, leftOut } = decide(host, parsed, options);
  await refuseExisting(host, spec.name);
  await using _lock = await lockZone(host, spec.name, options);
  await refuseExisting(host, spec.name);
  await checkZoneFeasible(host, spec, image);
  await ensureNetworks(host.roots, spec);
  await requireSpace(host, parsed.manifest);
  const record = {
    ...newZoneRecord(spec, image),
    ...(keepIdentity ? { machineId: parsed.manifest.identity.machineId } : {}),
  };
  const done = await unpackZone(host, { reader, record, manifest: parsed.manifest, options });
  return {
    name: spec.name,
    spec,
    entries: done.entries,
    sizeBytes: done.bytes,
    leftOut,
    skippedDevices: done.skippedDevices ?? 0,
    skippedXattrs: done.skippedXattrs ?? 0,
    removedHostKeys: done.removedHostKeys ?? 0,
  };
}

/** What zone it will be. Its root is all its own: there is nothing of an image below it. */
function decide(
  host: HostContext,
  parsed: { readonly manifest: ExportManifest; readonly spec: ZoneSpec },
  { name, pool, trust = 'ask', keepIdentity = false }: ImportOptions,
): { readonly spec: ZoneSpec; readonly image: ZoneImage; readonly leftOut: readonly string[] } {
  const ownDirs = ['/usr', ...host.facts.usr.dirs].map((path) => ({ source: path, target: path }));
  const { spec, hostDirs, leftOut } = judgeImport(parsed, trust, ownDirs);
  const { kind, arch, config, name: imageName } = parsed.manifest.image;
  const { pool: _theirs, ...asked } = zoneOptionsOf(spec);
  const here = { ...(name === undefined ? {} : { name }), ...(pool === undefined ? {} : { pool }) };
  const named = parseZoneOptions({ ...asked, ...here });
  const { hostDirs: _asked, ...plain } = config;
  return {
    spec: keepIdentity ? named : withoutIdentity(named),
    image: {
      name: imageName,
      kind,
      layers: [emptyLayer],
      arch,
      config: { ...plain, ...(hostDirs.length === 0 ? {} : { hostDirs }) },
    },
    leftOut,
  };
}

const withoutIdentity = ({ hostname: _its, ...spec }: ZoneSpec): ZoneSpec => ({
  ...spec,
  net: withoutAddresses(spec.net),
});

interface UnpackInput {
  readonly reader: ArchiveReader;
  readonly record: Omit<ZoneRecord, 'ids'>;
  readonly manifest: ExportManifest;
  readonly options: ImportOptions;
}

async function unpackZone(host: HostContext, input: UnpackInput): Promise<ArchiveSummary> {
  const { roots } = host;
  const { reader, record, manifest, options } = input;
  const zone = record.spec.name;
  const place = await volumeOf(roots, record);
  const opening = planOpen(place).prepare;
  const { first, last } = planImport(host, input, place);
  const kind = { operation: 'import', recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  const transaction = { ...kind, roots, zone, ops: [...first, ...opening], later: [last], signal: options.signal };
  return runTransaction(transaction, async (applyLater) => {
    const totalBytes = archiveBytes(manifest);
    const done = await reader.unpack({
      options: unpackOptions(host, input, place),
      progress: options.progress,
      totalBytes,
    });
    const [failure] = await undoAll(opening);
    if (failure !== undefined) throw failure;
    boundary('import', zone, 'unpacked');
    options.signal?.throwIfAborted();
    await withImagesLocked(roots, async () => {
      await ensureEmptyLayer(roots);
      boundary('import', zone, 'layer');
      await applyLater();
    });
    return done;
  });
}

/** As of a zone that is created, but for its addresses; the record comes last. */
function planImport(
  host: HostContext,
  { record, manifest, options }: UnpackInput,
  place: ZoneVolume,
): { first: HostOp[]; last: HostOp } {
  const { roots } = host;
  const { spec } = record;
  const isOther = ({ op }: HostOp) => op !== 'state.addresses-lease' && op !== 'state.zone-write';
  const wished = options.keepIdentity === true ? withAddresses(spec, manifest) : spec;
  return {
    first: [...planCreate(host, record, place).filter(isOther), ...planAddressLease(roots, wished)],
    last: { op: 'state.zone-write', roots, record },
  };
}

/** The addresses that it had, on the interfaces that it still has. */
function withAddresses(spec: ZoneSpec, { identity }: ExportManifest): ZoneSpec {
  if (spec.net.kind !== 'bridge') return spec;
  const interfaces = spec.net.interfaces.map((one) => {
    const had = identity.addresses.find(({ interface: name, network }) => name === one.name && network === one.network);
    return had === undefined
      ? one
      : { ...one, mac: had.mac, ip: had.ipv4, ...(had.ipv6 === undefined ? {} : { ip6: had.ipv6 }) };
  });
  return { ...spec, net: { kind: 'bridge', interfaces } };
}

/** A header and padding for each entry. */
const entryBytes = 2048;
const archiveBytes = ({ sizeBytes, entries }: ExportManifest) => sizeBytes + entries * entryBytes;

/** A running zone may have grown while it was exported; whoever lies about its size is stopped there. */
const slackBytes = 1 << 30;
const slackEntries = 100_000;

function unpackOptions(
  { roots }: HostContext,
  { record, manifest, options }: UnpackInput,
  place: ZoneVolume,
): string[] {
  const { spec, image } = record;
  const { local } = zonePaths(roots, spec.name);
  const parts = [
    { name: 'rootfs', directories: [join(directoryOf(place), 'upper')] },
    ...(image.kind === 'sparse' ? [{ name: 'local', directories: [local] }] : []),
  ];
  return [
    ...partOptions(parts),
    '--max-bytes',
    String(2 * archiveBytes(manifest) + slackBytes),
    '--max-entries',
    String(2 * manifest.entries + slackEntries),
    ...(options.keepIdentity === true ? [] : ['--scrub']),
    ...(options.trust === 'trust' && hasHostIds(spec) ? ['--devices'] : []),
    '--sync',
  ];
}

/** Told before, rather than found out when the disk is full. */
async function requireSpace({ roots }: HostContext, { sizeBytes }: ExportManifest): Promise<void> {
  const { bavail, bsize } = await statfs(roots.root);
  const freeBytes = bavail * bsize;
  if (sizeBytes <= freeBytes) return;
  throw zoneError('RESOURCE_DISK_FULL', `the zone needs ${sizeBytes} bytes, and ${freeBytes} are free`, {
    hint: `Free space on the file system of "${roots.root}" (df "${roots.root}"), or use another --root.`,
    context: { path: roots.root, sizeBytes, freeBytes },
  });
}
