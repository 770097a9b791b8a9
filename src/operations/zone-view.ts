/** What `list`, `inspect` and `status` show of a zone. */
import { isZoneFrozen, readZoneUsage, type ZoneUsage } from '../cgroups/index.js';
import { ZoneError, type ZoneErrorJson } from '../errors/index.js';
import { formatPort, modeOf, type ZoneMode, type ZoneSpec } from '../spec/index.js';
import {
  defaultPoolName,
  type ExitRecord,
  isErrno,
  type Lease,
  type RunningRecord,
  readExit,
  readPrepared,
  readRestartFailure,
  readRunning,
  snapshotNames,
  type UnreadableZone,
  type ZoneRecord,
  zoneLeases,
} from '../state/index.js';
import type { VolumeUsage } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { settleEnd } from './running-state.js';
import { addressesOf } from './zone-network.js';
import { zoneLsm } from './zone-profile.js';
import { groupsOf } from './zone-ref.js';
import { volumeOf } from './zone-storage.js';

/** prepared: started but for its first exec · spare: the same, and nobody's yet · corrupt: its record cannot be read, see `error`. */
export type ZoneStatus = 'running' | 'paused' | 'prepared' | 'spare' | 'stopped' | 'corrupt';

export interface ZoneSummary {
  readonly name: string;
  readonly status: ZoneStatus;
  readonly image: string;
  /** How far its root is from the host's. */
  readonly mode?: ZoneMode;
  /** Host pid of pid 1. */
  readonly pid?: number;
  readonly addresses: readonly string[];
  /** As they are written: `127.0.0.1:8080:80`. */
  readonly ports: readonly string[];
  /** Where what it writes is kept, and the ceilings of that. */
  readonly pool?: string;
  readonly disk?: number;
  readonly inodes?: number;
  readonly createdAt: string;
  readonly startedAt?: string;
  /** Why it is corrupt; then nothing else is known of it. */
  readonly error?: ZoneErrorJson['error'];
}

export interface ZoneDetails extends ZoneSummary {
  readonly spec: ZoneSpec;
  readonly ids: ZoneRecord['ids'];
  readonly machineId: string;
  readonly imageDetails: ZoneRecord['image'];
  readonly restarts: number;
  /** Names; what they are made of stays as long as they do. */
  readonly snapshots: readonly string[];
  /** How the last run ended. */
  readonly exit?: ZoneEnd;
}

export interface ZoneEnd {
  readonly status: number;
  readonly signal: number;
  readonly oomKills: number;
  /** pid 1 was killed, and the memory limit had killed: `killed by its memory limit`. */
  readonly byLimit: boolean;
  /** With `--nesting` on cgroup v1: it had made more groups than it may. */
  readonly tooManyGroups?: true;
  readonly at: string;
}

/** Whether a program that looks for it inside (df) sees the ceiling. */
export interface ZoneDisk extends VolumeUsage {
  readonly isShownInside: boolean;
  /** A write fails, or is about to. */
  readonly isFull: boolean;
}

export interface ZoneStatusView extends ZoneDetails {
  /** Only while it runs. */
  readonly usage?: ZoneUsage;
  /** Which security module confines its pid 1: `apparmor:NAME (enforce)`, or `none`. Only while it runs. */
  readonly lsm?: string;
  /** What it has written; absent where its pool does not count. */
  readonly written?: ZoneDisk;
  /** One sentence: what a tired user wants to know. */
  readonly note: string;
}

/** What is true of the zone now. */
export interface ZoneLife {
  readonly running: RunningRecord | undefined;
  readonly status: ZoneStatus;
}

export interface ZoneNow extends ZoneLife {
  readonly leases: readonly Lease[];
}

/** Pure. */
export function summarize(record: ZoneRecord, { running, status, leases }: ZoneNow): ZoneSummary {
  return {
    name: record.spec.name,
    status,
    image: record.image.name,
    mode: modeOf(record.spec),
    ...(running === undefined ? {} : { pid: running.pid, startedAt: isoTime(running.startedAtMs) }),
    addresses: addressesOf(record, leases),
    ports: record.spec.port.map(formatPort),
    pool: record.storage?.pool ?? defaultPoolName,
    ...(record.spec.disk === undefined ? {} : { disk: record.spec.disk }),
    ...(record.spec.inodes === undefined ? {} : { inodes: record.spec.inodes }),
    createdAt: isoTime(record.createdAtMs),
  };
}

/** Of a zone whose record cannot be read. Pure. */
export function summarizeUnreadable({ name, error }: UnreadableZone): ZoneSummary {
  return { name, status: 'corrupt', image: '', addresses: [], ports: [], createdAt: '', error: error.toJSON().error };
}

export async function describeZone(host: HostContext, record: ZoneRecord): Promise<ZoneDetails> {
  const { name } = record.spec;
  const found = await readRunning(host.roots, name);
  if (found === undefined) await settleEnd(host.roots, name);
  const exit = await readExit(host.roots, name);
  const { running, status } = await lifeFrom(host, record, found);
  return {
    ...summarize(record, { running, status, leases: await zoneLeases(host.roots, name) }),
    spec: record.spec,
    ids: record.ids,
    machineId: record.machineId,
    imageDetails: record.image,
    restarts: record.restarts,
    snapshots: await snapshotNames(host.roots, name),
    ...(exit === undefined ? {} : { exit: endOf(exit) }),
  };
}

export async function statusView(host: HostContext, record: ZoneRecord): Promise<ZoneStatusView> {
  const details = await describeZone(host, record);
  const usage = details.pid === undefined ? undefined : await readZoneUsage(groupsOf(host, details.name));
  const written = await writtenBy(host, record);
  const lsm = details.pid === undefined ? undefined : zoneLsm(host.facts, details.pid);
  const note = await noteOf(host, details, usage);
  return {
    ...details,
    ...(usage === undefined ? {} : { usage }),
    ...(lsm === undefined ? {} : { lsm }),
    ...(written === undefined ? {} : { written }),
    note: written?.isFull === true ? `${note}; its disk is full` : note,
  };
}

/** Of what is left: a file system refuses what needs more than its last blocks. */
const isLow = (freeBytes: number, limit: number) => freeBytes < Math.min(2 ** 20, limit / 50);

/** Not of the default pool without a ceiling: nobody counts there. What cannot be looked at now is not shown. */
async function writtenBy({ roots }: HostContext, record: ZoneRecord): Promise<ZoneDisk | undefined> {
  const { spec, storage } = record;
  if (storage === undefined && spec.disk === undefined && spec.inodes === undefined) return undefined;
  try {
    const { driver, pool, volume } = await volumeOf(roots, record);
    const used = await driver.usage(pool, volume);
    if (used.bytes === undefined) return undefined;
    const { bytesLimit = Infinity, inodesLimit = Infinity, inodes = 0 } = used;
    const isFull = isLow(used.bytesFree ?? bytesLimit - used.bytes, bytesLimit) || inodes >= inodesLimit;
    return { ...used, isShownInside: (await driver.abilities(pool)).showsQuota, isFull };
  } catch (error) {
    if (error instanceof ZoneError || isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** @param found its record, if it ran a moment ago: one that is prepared may have been let go since, and then runs */
export async function lifeFrom(
  host: HostContext,
  { spec: { name }, spareOf }: ZoneRecord,
  found: RunningRecord | undefined,
): Promise<ZoneLife> {
  if (found === undefined && (await readPrepared(host.roots, name)) !== undefined)
    return { running: undefined, status: spareOf === undefined ? 'prepared' : 'spare' };
  const running = found ?? (await readRunning(host.roots, name));
  if (running === undefined) return { running, status: 'stopped' };
  return { running, status: (await isZoneFrozen(groupsOf(host, name))) ? 'paused' : 'running' };
}

function endOf({ status, signal, oomKills, tooManyGroups, exitedAtMs }: ExitRecord): ZoneEnd {
  const byLimit = signal === 9 && oomKills > 0;
  return { status, signal, oomKills, byLimit, ...(tooManyGroups ? { tooManyGroups } : {}), at: isoTime(exitedAtMs) };
}

async function noteOf(host: HostContext, details: ZoneDetails, usage: ZoneUsage | undefined): Promise<string> {
  if (usage !== undefined) {
    const kills = usage.oomKills ?? 0;
    return kills === 0
      ? details.status
      : `${details.status}; its memory limit killed ${kills} process${kills === 1 ? '' : 'es'}`;
  }
  const failure = await readRestartFailure(host.roots, details.name);
  if (details.status !== 'stopped') return details.status;
  if (failure !== undefined) return `stopped: restart ${failure.attempts} failed: ${failure.error.message}`;
  if (details.exit === undefined) return 'stopped';
  if (details.exit.tooManyGroups) return 'stopped: ended, as it had made more cgroups than it may';
  if (details.exit.byLimit) return 'stopped: killed by its memory limit';
  return `stopped: ended with status ${details.exit.status}`;
}

const isoTime = (ms: number) => new Date(ms).toISOString();
