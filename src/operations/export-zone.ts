/** `export`: a zone as one stream, from which `import` makes it again, here or elsewhere. */
import { zoneError } from '../errors/index.js';
import { requireSnapshotRef, type SnapshotRef } from '../spec/index.js';
import { type ZoneRecord, zoneLeases } from '../state/index.js';
import { openArchiveTarget } from './archive-target.js';
import {
  type ArchiveSummary,
  archiveError,
  type Counted,
  type OnArchiveProgress,
  startArchiveTool,
  ToolTalk,
  throughOptions,
  zstdPath,
} from './archive-tool.js';
import { boundary } from './boundaries.js';
import { withHistory } from './export-history.js';
import { type ExportHistory, makeManifest, manifestName } from './export-manifest.js';
import type { HostContext } from './host-context.js';
import { isLocked, type RequireStillThere } from './still-there.js';
import { withPartsOf } from './zone-at-snapshot.js';
import { isZoneRunning, partOptions, type ZonePart } from './zone-parts.js';

export interface ExportOptions {
  /** ZONE, or ZONE@SNAPSHOT. */
  readonly zone: string;
  /** A path, or a descriptor of this process: 1 is its stdout. */
  readonly target: string | number;
  /** All of the zone's snapshots come along. */
  readonly snapshots?: boolean | undefined;
  /** Replace a file that is there. */
  readonly force?: boolean | undefined;
  /** zstd's, 1 to 19. */
  readonly level?: number | undefined;
  readonly progress?: OnArchiveProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportResult {
  readonly zone: string;
  readonly entries: number;
  readonly sizeBytes: number;
  /** Files that shrank while they were read, and are filled up with zeros: a running zone's. */
  readonly changed: number;
  /** How many have come along. */
  readonly snapshots?: number;
}

/** A fifth larger than at zstd's own default, 3, for two thirds of its time. */
export const defaultLevel = 1;

/**
 * A running zone is not stopped: each of its files is as it was at some moment meanwhile. One that is stopped cannot be started meanwhile.
 *
 * @throws ZONE_NOT_FOUND, ZONE_STATE it went meanwhile, LOCK_BUSY, PATH_EXISTS, PATH_NOT_FOUND, RESOURCE_DISK_FULL, HOST_TOOL_MISSING, USAGE_BAD_ARGUMENT
 */
export async function exportZone(host: HostContext, options: ExportOptions): Promise<ExportResult> {
  const { signal } = options;
  const ref = checkExport(options);
  if (options.snapshots !== true)
    return withPartsOf(host, ref, { signal }, (parts, record, requireStillThere) =>
      exportParts(host, record, parts, { ...options, requireStillThere }),
    );
  return withHistory(host, ref.zone, { signal }, (parts, record, history) =>
    exportParts(host, record, parts, { ...options, requireStillThere: isLocked }, history),
  );
}

/** What can be said without a look at the zone. @returns what is exported @throws USAGE_BAD_ARGUMENT */
export function checkExport({ zone, snapshots, level = defaultLevel }: ExportOptions): SnapshotRef {
  if (!Number.isInteger(level) || level < 1 || level > 19) throw badLevel(level);
  const ref = requireSnapshotRef(zone);
  if (snapshots === true && ref.snapshot !== undefined) throw noSnapshots(zone);
  return ref;
}

async function exportParts(
  host: HostContext,
  record: ZoneRecord,
  parts: readonly ZonePart[],
  options: ExportOptions & { readonly requireStillThere: RequireStillThere },
  history?: ExportHistory,
): Promise<ExportResult> {
  const { level = defaultLevel } = options;
  const zone = record.spec.name;
  const through = [zstdPath(), '-q', '-T0', `-${level}`, '-c'];
  await using target = await openArchiveTarget(options.target, options.force === true);
  const marks = history === undefined ? [] : ['--marks'];
  const args = [
    ...partOptions(parts),
    ...marks,
    '--count-first',
    '--first',
    manifestName,
    '--nobody',
    ...throughOptions(through),
  ];
  const describe = (counted: Counted) => describeParts(host, record, parts, counted, history);
  const { entries, bytes, changed = 0 } = await pack(args, { ...options, descriptor: target.descriptor, describe });
  boundary('export', zone, 'packed');
  await options.requireStillThere();
  await target.commit();
  boundary('export', zone, 'done');
  const more = history === undefined ? {} : { snapshots: history.snapshots.length };
  return { zone, entries: entries - 1, sizeBytes: bytes, changed, ...more };
}

/** The manifest, as it is written. */
export async function describeParts(
  host: HostContext,
  record: ZoneRecord,
  parts: readonly ZonePart[],
  { entries, bytes }: Counted,
  history?: ExportHistory,
): Promise<string> {
  const manifest = makeManifest({
    record,
    leases: await zoneLeases(host.roots, record.spec.name),
    running: await isZoneRunning(host, record.spec.name),
    parts: parts.map(({ name }) => name).filter((name) => name === 'rootfs' || name === 'local'),
    history,
    sizeBytes: bytes,
    entries,
  });
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

interface PackInput extends ExportOptions {
  readonly descriptor: number;
  /** The manifest of what has been counted. */
  readonly describe: (counted: Counted) => Promise<string>;
}

/** One process and one walk's worth of look-ups: it counts, waits for the manifest, and goes on. */
async function pack(
  args: readonly string[],
  { descriptor, describe, progress, signal }: PackInput,
): Promise<ArchiveSummary> {
  const show = progress === undefined ? [] : ['--progress'];
  const tool = startArchiveTool('pack', [...args, ...show], { stdin: 'pipe', stdout: descriptor, signal });
  const talk = new ToolTalk(progress);
  let described: Promise<void> | undefined;
  talk.onCounted = (counted) => {
    described = describe(counted).then((manifest) => void tool.stdin?.end(manifest));
    described.catch(() => tool.kill());
  };
  tool.stdin?.on('error', () => undefined);
  const [, status] = await Promise.all([talk.listen(tool.stderr), tool.exited]);
  signal?.throwIfAborted();
  await described;
  if (status !== 0 || talk.summary === undefined) throw archiveError(talk, status, 'export', full);
  return talk.summary;
}

const full = {
  message: 'no space left for the exported zone',
  hint: 'Free space where the file goes, choose another place, or pass a higher --level.',
};

function noSnapshots(zone: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `"${zone}" is a snapshot, and has none itself`, {
    hint: `Leave out --snapshots, or export the zone: tszone export ${zone.split('@')[0]} --snapshots`,
    context: { zone },
  });
}

function badLevel(level: number): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `"${level}" is not a level of compression`, {
    hint: 'Give a whole number from 1 (fast) to 19 (small).',
    context: { level },
  });
}
