/** `import`: a zone from what `export` has written. The file may be an enemy's. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import { mkdir } from '../host/quick-fs.js';
import { withImagesLocked } from '../images/index.js';
import type { HostOp } from '../plan/index.js';
import { hasHostIds, parseZoneOptions, type ZoneSpec, zoneOptionsOf } from '../spec/index.js';
import { defaultPoolName, type ZoneImage, type ZoneRecord, zonePaths } from '../state/index.js';
import { emptyLayer, ensureEmptyLayer } from '../storage/index.js';
import { type ArchiveReader, openArchive } from './archive-reader.js';
import type { ArchiveSummary, OnArchiveProgress } from './archive-tool.js';
import { boundary } from './boundaries.js';
import { withoutAddresses } from './clone-spec.js';
import { type ExportManifest, parseManifest } from './export-manifest.js';
import type { HostContext } from './host-context.js';
import {
  beginLayers,
  endHistory,
  type ImportedHistory,
  localParts,
  planHistory,
  planLayers,
} from './import-history.js';
import { renewHostKeys } from './import-identity.js';
import { judgeImport, type Trust } from './import-trust.js';
import { newZoneRecord, planCreate, refuseExisting } from './make-zone.js';
import { runTransaction, undoAll } from './transaction.js';
import { checkZoneFeasible } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { ensureNetworks, planAddressLease } from './zone-network.js';
import { type ArchivePart, partOptions } from './zone-parts.js';
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
  readonly removedHostKeys: number;
  /** Kinds of which no new ones are made. */
  readonly lostHostKeys: readonly string[];
  /** How many have come along. */
  readonly snapshots: number;
}

/**
 * Nothing of the zone is there before all of it is, and nothing is left if a step fails.
 *
 * @throws EXPORT_INVALID, EXPORT_UNTRUSTED, ZONE_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL, HOST_TOOL_MISSING; what create throws
 */
export async function importZone(host: HostContext, options: ImportOptions): Promise<ImportResult> {
  await using reader = await openArchive(options.source, options.signal);
  const decided = decideImport(host, reader.manifest, options);
  const { record, manifest, history } = decided;
  const { spec } = record;
  await refuseExisting(host, spec.name);
  await using _lock = await lockZone(host, spec.name, options);
  await checkImport(host, decided);
  await ensureNetworks(host.roots, spec);
  const done = await unpackZone(host, { reader, record, manifest, options, history });
  return {
    name: spec.name,
    spec,
    entries: done.entries,
    sizeBytes: done.bytes,
    leftOut: decided.leftOut,
    skippedDevices: done.skippedDevices ?? 0,
    skippedXattrs: done.skippedXattrs ?? 0,
    removedHostKeys: done.removedHostKeys ?? 0,
    lostHostKeys: done.lostHostKeys,
    snapshots: history?.snapshots.length ?? 0,
  };
}

export interface DecidedImport {
  readonly record: Omit<ZoneRecord, 'ids'>;
  readonly manifest: ExportManifest;
  readonly history: ImportedHistory | undefined;
  readonly leftOut: readonly string[];
}

/** What the head of an archive becomes here. @throws EXPORT_INVALID, EXPORT_UNTRUSTED, SPEC_INVALID */
export function decideImport(host: HostContext, head: string, options: ImportOptions): DecidedImport {
  const { keepIdentity = false } = options;
  const { manifest, spec: wanted } = parseManifest(head);
  const { spec, image, leftOut } = decide(host, { ...manifest, spec: wanted, label: wanted.name }, options);
  const record = {
    ...newZoneRecord(spec, image),
    ...(keepIdentity ? { machineId: manifest.identity.machineId } : {}),
  };
  const history = planHistory(manifest, {
    zone: spec.name,
    pool: spec.pool ?? defaultPoolName,
    machineId: keepIdentity ? undefined : record.machineId,
    judge: (asked, its) => decide(host, { ...asked, spec: its, label: `${wanted.name}@${asked.name}` }, options),
  });
  return { record, manifest, history, leftOut: [...new Set([...leftOut, ...(history?.leftOut ?? [])])] };
}

/** What can be known before anything is made. @throws ZONE_EXISTS, RESOURCE_DISK_FULL, and as `checkZoneFeasible` */
export async function checkImport(host: HostContext, { record, manifest }: DecidedImport): Promise<void> {
  await refuseExisting(host, record.spec.name);
  await checkZoneFeasible(host, record.spec, record.image);
  await requireSpace(host, manifest);
}

interface Asked {
  readonly image: ExportManifest['image'];
  readonly spec: ZoneSpec;
  /** In an error. */
  readonly label: string;
}

/** What zone it will be, or snapshot of it. Its root is all its own: there is nothing of an image below it. */
function decide(
  host: HostContext,
  asked: Asked,
  { name, pool, trust = 'ask', keepIdentity = false }: ImportOptions,
): { readonly spec: ZoneSpec; readonly image: ZoneImage; readonly leftOut: readonly string[] } {
  const ownDirs = ['/usr', ...host.facts.usr.dirs].map((path) => ({ source: path, target: path }));
  const { spec, hostDirs, leftOut } = judgeImport(asked, trust, ownDirs);
  const { kind, arch, config, name: imageName } = asked.image;
  const { pool: _theirs, ...options } = zoneOptionsOf(spec);
  const here = { ...(name === undefined ? {} : { name }), ...(pool === undefined ? {} : { pool }) };
  const named = parseZoneOptions({ ...options, ...here });
  const { hostDirs: _hostDirs, localLayer: _layer, ...plain } = config;
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
  readonly history: ImportedHistory | undefined;
}

type Unpacked = ArchiveSummary & Pick<ImportResult, 'lostHostKeys'>;

async function unpackZone(host: HostContext, input: UnpackInput): Promise<Unpacked> {
  const { roots } = host;
  const { reader, record, manifest, options, history } = input;
  const zone = record.spec.name;
  const place = await volumeOf(roots, record);
  const opening = planOpen(place).prepare;
  const { first, last } = planImport(host, input, place);
  const kind = { operation: 'import', recovery: 'back', completeIfRunning: false, place: 'disk' } as const;
  const transaction = { ...kind, roots, zone, ops: [...first, ...opening], later: [last], signal: options.signal };
  return runTransaction(transaction, async (applyLater) => {
    const totalBytes = archiveBytes(manifest);
    const parts = await partsOf(host, input, place);
    const { progress } = options;
    const done = await reader.unpack({ options: unpackOptions(input, parts), progress, totalBytes });
    const lostHostKeys = await renewHostKeys(done.hostKeys ?? [], parts, record.spec.hostname ?? zone);
    await endHistory(host, zone, place, history);
    const [failure] = await undoAll(opening);
    if (failure !== undefined) throw failure;
    boundary('import', zone, 'unpacked');
    options.signal?.throwIfAborted();
    await withImagesLocked(roots, async () => {
      await ensureEmptyLayer(roots);
      boundary('import', zone, 'layer');
      await applyLater();
    });
    return { ...done, lostHostKeys };
  });
}

/** As of a zone that is created, but for its addresses; the record comes last. */
export function planImport(
  host: HostContext,
  { record, manifest, options, history }: Omit<UnpackInput, 'reader'>,
  place: ZoneVolume,
): { first: HostOp[]; last: HostOp } {
  const { roots } = host;
  const storage = { pool: place.pool.name, volume: record.storage?.volume ?? '', layers: history?.chain ?? [] };
  const made = history === undefined ? record : { ...record, storage };
  const { spec } = record;
  const isOther = ({ op }: HostOp) => op !== 'state.addresses-lease' && op !== 'state.zone-write';
  const wished = options.keepIdentity === true ? withAddresses(spec, manifest) : spec;
  return {
    // Layers are taken back last: whatever else of the zone was there names them.
    first: [
      ...planLayers(host, place, history),
      ...planCreate(host, record, place).filter(isOther),
      ...planAddressLease(roots, wished),
    ],
    last: { op: 'state.zone-write', roots, record: made },
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

/** In the order of the archive. */
async function partsOf(
  host: HostContext,
  { record, manifest, options, history }: UnpackInput,
  place: ZoneVolume,
): Promise<ArchivePart[]> {
  const { name } = record.spec;
  const { local } = zonePaths(host.roots, name);
  const scrub = options.keepIdentity !== true;
  const locals = localParts(host, name, history);
  for (const { directory } of locals) await mkdir(directory, { recursive: true, mode: 0o755 });
  return [
    ...(await beginLayers(place, history, manifest.sizeBytes)).map((part) => ({ ...part, scrub })),
    { name: 'rootfs', directories: [join(directoryOf(place), 'upper')], scrub },
    ...(record.image.kind === 'sparse' ? [{ name: 'local', directories: [local] }] : []),
    ...locals.map((part) => ({ name: part.name, directories: [part.directory] })),
  ];
}

function unpackOptions({ record, manifest, options, history }: UnpackInput, parts: readonly ArchivePart[]): string[] {
  return [
    ...partOptions(parts),
    ...(history === undefined ? [] : ['--marks']),
    '--max-bytes',
    String(2 * archiveBytes(manifest) + slackBytes),
    '--max-entries',
    String(2 * manifest.entries + slackEntries),
    ...(options.trust === 'trust' && hasHostIds(record.spec) ? ['--devices'] : []),
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
