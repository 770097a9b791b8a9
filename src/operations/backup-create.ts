/** `backup create`: what a zone is at one instant goes into a repository, as the stream that `export` writes. */
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, zoneError } from '../errors/index.js';
import { anySignal, findTool, type HostTool, spawnTool } from '../host/index.js';
import { requireSnapshotRef } from '../spec/index.js';
import { acquireZoneLock, findSnapshot, readSnapshot, type ZoneRecord } from '../state/index.js';
import {
  type ArchiveSummary,
  archiveError,
  type Counted,
  type OnArchiveProgress,
  startArchiveTool,
  ToolTalk,
} from './archive-tool.js';
import { backupError } from './backup-error.js';
import { ensureRepository } from './backup-init.js';
import { archiveOf, backupTags, sameOf } from './backup-list.js';
import { findSame, isRemembered, type KnownBackup, keyOfFrozen, rememberBackup } from './backup-memory.js';
import {
  describeRepository,
  type Repository,
  type RepositoryOptions,
  resticCall,
  runRestic,
} from './backup-repository.js';
import { isSettled, lookAtState, type ZoneState } from './backup-state.js';
import { boundary } from './boundaries.js';
import { manifestName } from './export-manifest.js';
import { describeParts } from './export-zone.js';
import type { HostContext } from './host-context.js';
import { createSnapshot } from './snapshot-create.js';
import { deleteSnapshot } from './snapshot-delete.js';
import type { RequireStillThere } from './still-there.js';
import { withPartsOf } from './zone-at-snapshot.js';
import type { OperationOptions } from './zone-lock.js';
import { partOptions, type ZonePart } from './zone-parts.js';

export interface BackupOptions extends RepositoryOptions {
  /** ZONE, or ZONE@SNAPSHOT. */
  readonly zone: string;
  readonly comment?: string | undefined;
  readonly progress?: OnArchiveProgress | undefined;
}

export interface BackupResult {
  readonly id: string;
  readonly zone: string;
  readonly entries: number;
  /** Of all files. */
  readonly sizeBytes: number;
  /** So much was new to the repository, before it was compressed. */
  readonly addedBytes: number;
  /** How long a running zone stood still. */
  readonly frozenMs?: number;
  /** There was no repository before. */
  readonly madeRepository: boolean;
  /** The id of the backup that has all of it: nothing has changed since. */
  readonly sameAs?: string;
}

/** Of a killed backup; the next one of the zone removes it, and else whoever removes what has expired. */
export const ownSnapshot = {
  name: 'backup-in-progress',
  comment: 'made by "tszone backup create"',
  keepMs: 7 * 86_400_000,
};

/**
 * The zone is frozen as for a snapshot, and may do as it likes meanwhile. A backup is in the repository when all of it is, or not at all.
 *
 * @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND, ZONE_STATE a throw-away zone, BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, RESOURCE_DISK_FULL,
 * HOST_TOOL_MISSING, LOCK_BUSY another backup of the zone is being made
 */
export async function createBackup(host: HostContext, options: BackupOptions): Promise<BackupResult> {
  const { zone, snapshot } = requireSnapshotRef(options.zone);
  const repository = await describeRepository(host, options);
  const how = { signal: options.signal };
  // Of a directory it is seen at once whether it is one.
  const isKnown = repository.directory === undefined && (await isRemembered(host, zone, repository));
  const store = (parts: readonly ZonePart[], record: ZoneRecord, requireStillThere: RequireStillThere) =>
    storeParts(host, record, { parts, requireStillThere, repository, isKnown, options });
  if (snapshot !== undefined) return withPartsOf(host, { zone, snapshot }, how, store);
  // One at a time of each zone: what is found under the name of our snapshot is left over then.
  await using _lock = await acquireZoneLock(host.roots, `${zone}@.backup`, options);
  await removeOwn(host, zone);
  let looked: ZoneState | undefined;
  const look = async () => {
    looked = await lookAtState(host, zone, { willBeKnown: false }, options);
    return looked;
  };
  const same = await findSame(host, zone, repository, look);
  if (same !== undefined) return await storeSame(zone, repository, same, options);
  // Nobody has mapped anything of a stopped zone: what was seen of it may be known as it is.
  const isKnowable = looked !== undefined && !looked.isRunning;
  const before = isKnowable ? looked : await lookToKnow(host, zone, options);
  const made = await createSnapshot(host, zone, ownSnapshot, options);
  boundary('backup', zone, 'snapshot');
  let result: BackupResult;
  let key: string | undefined;
  try {
    const frozen = await readSnapshot(host.roots, zone, made.name);
    const after = frozen.isCopy ? undefined : await lookToKnow(host, zone, options);
    key = keyOfFrozen(before, after, frozen);
    result = await withPartsOf(host, { zone, snapshot: made.name }, { ...how, isOwn: true }, store);
  } finally {
    await removeOwn(host, zone);
  }
  const { id, entries, sizeBytes } = result;
  if (key !== undefined) await rememberBackup(host, zone, repository, { id, key, entries, sizeBytes }, options);
  boundary('backup', zone, 'done');
  return { ...result, ...(made.frozenMs === undefined ? {} : { frozenMs: made.frozenMs }) };
}

/** More than a tick of the kernel's clock, by which changes are marked, takes anywhere. */
const tickMs = 20;

/** What has been changed in the tick in which it is looked at might be changed again and not show it: then it is looked at in a later one. */
async function lookToKnow(host: HostContext, zone: string, options: OperationOptions): Promise<ZoneState | undefined> {
  const state = await lookAtState(host, zone, { willBeKnown: true }, options);
  if (state === undefined || isSettled(state)) return state;
  await sleep(tickMs, undefined, { signal: options.signal });
  return lookAtState(host, zone, { willBeKnown: true }, options);
}

/** A backup of its own, in which is only where all of it is. */
async function storeSame(
  zone: string,
  repository: Repository,
  { id: base, entries, sizeBytes }: KnownBackup,
  { comment }: BackupOptions,
): Promise<BackupResult> {
  const tags = backupTags(zone, sizeBytes, comment, base);
  const words = [...backupWords(sameOf(zone)), '--tag', tags];
  const { id, addedBytes } = resultOf(await runRestic(repository, words, `{"sameAs":"${base}"}\n`));
  boundary('backup', zone, 'same');
  return { id, zone, entries, sizeBytes, addedBytes, madeRepository: false, sameAs: base };
}

const backupWords = (path: string): string[] => [
  ...['backup', '--json', '--quiet', '--stdin', '--stdin-filename', path.slice(1)],
  ...['--host', hostname()],
];

async function removeOwn(host: HostContext, zone: string): Promise<void> {
  const { name, comment } = ownSnapshot;
  const left = await findSnapshot(host.roots, zone, name);
  if (left?.comment === comment) await deleteSnapshot(host, { zone, snapshot: name });
}

interface StoreInput {
  readonly parts: readonly ZonePart[];
  readonly requireStillThere: RequireStillThere;
  readonly repository: Repository;
  /** It was there at the zone's last backup. */
  readonly isKnown: boolean;
  readonly options: BackupOptions;
}

async function storeParts(host: HostContext, record: ZoneRecord, input: StoreInput): Promise<BackupResult> {
  const { parts, repository, options, isKnown } = input;
  const zone = record.spec.name;
  const madeRepository = isKnown ? false : await ensureRepository(host, repository, options);
  const describe = (counted: Counted) => describeParts(host, record, parts, counted);
  try {
    return { ...(await stream({ ...input, zone, describe })), madeRepository };
  } catch (error) {
    // Known only from our own memory, and gone since.
    if (!isKnown || !hasCode(error, 'BACKUP_REPOSITORY_NOT_FOUND')) throw error;
    return storeParts(host, record, { ...input, isKnown: false });
  }
}

interface StreamInput extends StoreInput {
  readonly zone: string;
  /** The manifest of what has been counted. */
  readonly describe: (counted: Counted) => Promise<string>;
}

/** The packer writes to restic's own input. restic sees the end of that only when the packer has ended well, and we say so. */
async function stream(input: StreamInput): Promise<Omit<BackupResult, 'madeRepository'>> {
  const { repository, options, zone } = input;
  const { signal } = options;
  const failing = new AbortController();
  const stop = anySignal([signal, failing.signal]);
  const call = resticCall(repository, backupWords(archiveOf(zone)));
  const restic = spawnTool({
    ...call,
    args: [...call.args, '--tag'],
    commits: true,
    lastArgumentComes: true,
    signal: stop,
  });
  restic.done.catch(() => undefined);
  const said = text(restic.stdout);
  said.catch(() => undefined);
  try {
    const { entries, bytes: sizeBytes } = await packInto(restic, input);
    boundary('backup', zone, 'packed');
    await input.requireStillThere();
    await restic.commit();
    await restic.done;
    boundary('backup', zone, 'stored');
    return { zone, entries: entries - 1, sizeBytes, ...resultOf(await said) };
  } catch (error) {
    failing.abort();
    await restic.done.catch(() => undefined);
    throw backupError(error, repository.name);
  }
}

/**
 * One walk's worth of look-ups: the packer counts first, then restic is told how much it will be, then the packer what to put at the head.
 * Times of access are left out: they change by mere reading, and every file that was read would be stored anew.
 */
async function packInto(restic: HostTool, { parts, zone, describe, options }: StreamInput): Promise<ArchiveSummary> {
  const { progress, signal, comment } = options;
  const show = progress === undefined ? [] : ['--progress'];
  const args = [...partOptions(parts), '--count-first', '--first', manifestName, '--no-atime', ...show];
  const packer = startArchiveTool('pack', args, { stdin: 'pipe', stdout: restic.stdin, signal });
  const talk = new ToolTalk(progress);
  let described: Promise<void> | undefined;
  const tell = async (counted: Counted) => {
    const manifest = await describe(counted);
    const tags = backupTags(zone, counted.bytes, comment);
    await new Promise<void>((told, failed) => {
      restic.stdin.write(`${tags}\n`, (error) => (error ? failed(error) : told()));
    });
    packer.stdin?.end(manifest);
  };
  talk.onCounted = (counted) => {
    described = tell(counted);
    described.catch(() => packer.kill());
  };
  packer.stdin?.on('error', () => undefined);
  const [, status] = await Promise.all([talk.listen(packer.stderr), packer.exited]);
  signal?.throwIfAborted();
  if (status === 0 && talk.summary !== undefined) return talk.summary;
  // Nobody read any more: restic says why.
  if (gone.has(talk.failure?.errno ?? 0) || status === sigpipe) await restic.done;
  await described;
  throw archiveError(talk, status, 'backup', full);
}

/** EPIPE, ECONNRESET. */
const gone = new Set([32, 104]);
const sigpipe = 128 + 13;

const full = {
  message: 'no space left for the backup',
  hint: 'Free space on the file system of the root and of the repository, then repeat the command.',
};

function resultOf(output: string): Pick<BackupResult, 'id' | 'addedBytes'> {
  const line = output.split('\n').find((one) => one.includes('"summary"'));
  const { snapshot_id: id, data_added: addedBytes } = JSON.parse(line ?? '{}') as Record<string, unknown>;
  if (typeof id === 'string' && typeof addedBytes === 'number') return { id: id.slice(0, 8), addedBytes };
  throw zoneError('HOST_TOOL_FAILED', '"restic" did not say what it has stored', {
    hint: 'See "tszone backup list" for what there is, and "restic version": 0.14 or later is needed.',
    context: { tool: findTool('restic'), output },
  });
}
