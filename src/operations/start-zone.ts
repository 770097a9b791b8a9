/** `start`: from a record on disk to a running zone. */

import type { HelperSession } from '../helper/index.js';
import { planStart, startWarnings } from '../plan/index.js';
import { claimIds, readZone, writeZone, type ZoneRecord } from '../state/index.js';
import { boundary } from './boundaries.js';
import { requireFullInit } from './full-init.js';
import type { HostContext } from './host-context.js';
import { type LaunchInput, launchPlan, type StartOptions, type ZoneStartPlan } from './launch-plan.js';
import { onExitCommand, onGoCommand } from './on-exit-command.js';
import { withOpenVolume } from './open-volume.js';
import { digestOf, findPrepared, goIfPrepared } from './prepare-zone.js';
import { settleZone } from './settle-zone.js';
import { withRoom } from './with-room.js';
import { deviceNotes, resolveDevices } from './zone-devices.js';
import { planZoneFiles } from './zone-files.js';
import { planZoneFilter } from './zone-filter.js';
import { lockZone } from './zone-lock.js';
import { attachNetworks } from './zone-network.js';
import { planZoneProfile } from './zone-profile.js';
import { zoneRunningError } from './zone-ref.js';

export interface StartResult {
  readonly name: string;
  /** Host pid of the zone's pid 1. */
  readonly pid: number;
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/**
 * Starts the zone and leaves it to its monitor.
 *
 * @throws ZONE_NOT_FOUND, ZONE_RUNNING, LOCK_BUSY, CGROUP_CONTROLLER_MISSING, KERNEL_STEP_FAILED, PORT_IN_USE, …
 */
export async function startZone(host: HostContext, name: string, options: StartOptions = {}): Promise<StartResult> {
  await using _lock = await lockZone(host, name, options);
  const prepared = await readZone(host.roots, name);
  const released = await releasePrepared(host, prepared);
  if (released !== undefined) return { name, pid: released, notes: startWarnings(prepared.spec, host.facts) };
  const { pid, notes } = await launchLocked(host, name, { ...options, detach: true });
  return { name, pid, notes };
}

/** What a start records of its own; a spare that runs is somebody's. */
const begun = { stoppedByUser: false, restarts: 0, spareOf: undefined } as const;

async function releasePrepared(host: HostContext, record: ZoneRecord): Promise<number | undefined> {
  const pid = await goIfPrepared(host, record);
  if (pid === undefined) return undefined;
  boundary('start', record.spec.name, 'go');
  const isNews = record.stoppedByUser || record.restarts > 0 || record.spareOf !== undefined;
  if (isNews) await writeZone(host.roots, { ...record, ...begun });
  return pid;
}

/**
 * Does everything that a start does but for the first exec, so that `start` takes a millisecond. Preparing what is prepared
 * already is success; what is changed before the start is prepared anew by it.
 *
 * @throws ZONE_RUNNING, and as startZone
 */
export async function prepareZone(host: HostContext, name: string, options: StartOptions = {}): Promise<StartResult> {
  await using _lock = await lockZone(host, name, options);
  const prepared = await findPrepared(host, await readZone(host.roots, name));
  if (prepared !== undefined) return { name, pid: prepared, notes: [] };
  const { pid, notes } = await launchLocked(host, name, { ...options, hold: true });
  return { name, pid, notes };
}

export interface LaunchedZone {
  readonly session: HelperSession;
  readonly pid: number;
  readonly notes: readonly string[];
}

/** With the helper's session left open: the zone is "attached". Call with its lock held. */
export async function launchLocked(host: HostContext, name: string, options: StartOptions): Promise<LaunchedZone> {
  const found = await readZone(host.roots, name);
  if (!(await settleZone(host.roots, name))) throw zoneRunningError(name);
  const ids = await claimIds(host.roots, name, found.ids, {
    ephemeral: found.spec.ephemeral || undefined,
    ids: found.spec,
  });
  const life = options.hold === true ? {} : { ...begun, restarts: options.restarts ?? 0 };
  return withOpenVolume(host, { ...found, ids, ...life }, options, async ({ record, notes }) => {
    const plan = await planZoneStart(host, record, options);
    const isNews = JSON.stringify(record) !== JSON.stringify(found);
    const writeRecord = isNews ? () => writeZone(host.roots, record) : undefined;
    const launched = await withRoom(host, record, () => launchPlanned(host, record, { plan, options, writeRecord }));
    return { ...launched, notes: [...notes, ...launched.notes] };
  });
}

/** The same for a zone that has just been created under the lock: it has no past that could be settled. */
export async function launchCreated(
  host: HostContext,
  created: ZoneRecord,
  options: StartOptions,
): Promise<LaunchedZone> {
  const isCovered = created.spec.ephemeral;
  return withOpenVolume(host, created, { signal: options.signal, isCovered }, async ({ record, notes }) => {
    const plan = await planZoneStart(host, record, options);
    const launched = await launchPlanned(host, record, { plan, options, isNew: true, isCovered });
    return { ...launched, notes: [...notes, ...launched.notes] };
  });
}

async function launchPlanned(host: HostContext, record: ZoneRecord, input: LaunchInput): Promise<LaunchedZone> {
  const { session, pid } = await launchPlan(host, record.spec.name, { ...input, digest: digestOf(record) });
  return { session, pid, notes: input.plan.notes };
}

/** Everything that a start would do, for `--dry-run` too. */
export async function planZoneStart(
  host: HostContext,
  record: ZoneRecord,
  options: StartOptions = {},
): Promise<ZoneStartPlan> {
  const isFull = (record.spec.init ?? record.image.config.init) === 'full';
  const bootsSystemd = isFull && (await requireFullInit(host, record, options.seen)) === 'systemd';
  const devices = options.parts?.devices ?? (await resolveDevices(host, record.spec.device));
  const { profile, notes } = planZoneProfile(host, record.spec);
  const input = {
    ...(await planZoneFiles(host, record, options.seen)),
    devices,
    bootsSystemd,
    profile,
    network: await attachNetworks(host, record, options.interfaceSource),
    filter: options.parts === undefined ? await planZoneFilter(host, record) : options.parts.filter,
    stdio: options.stdio ?? (record.spec.tty ? 'pty' : 'log'),
    winsize: options.winsize,
    onExit: onExitCommand(host, record),
    onGo: onGoCommand(host, record),
    hold: options.hold,
    late: options.late,
  };
  const plan = planStart(input);
  return {
    ...plan,
    notes: [...plan.notes, ...notes, ...deviceNotes(devices)],
    devices,
    again: (other) => planStart({ ...input, record: other }),
  };
}
