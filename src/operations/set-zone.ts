/** `set`, `unset`, `get`: the settings of a zone that exists. */
import { planLimits, requireLimits } from '../cgroups/index.js';
import { zoneError } from '../errors/index.js';
import { type HostOp, limitsOf } from '../plan/index.js';
import {
  changeSpec,
  deviceEntries,
  limitEntries,
  nearest,
  parseZoneChange,
  settingEntries,
  unsetSpec,
  type ZoneChange,
  type ZoneSpec,
} from '../spec/index.js';
import { readRunning, readZone, requireIds, writeZone, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { restartZone } from './restart-zone.js';
import { changeVolume, planVolumeChange, type VolumeChangePlan } from './set-volume.js';
import { applyAll } from './transaction.js';
import { changedSysctls, writeSysctls } from './write-sysctls.js';
import {
  allDevices,
  type DeviceChange,
  deviceNotes,
  planDeviceChange,
  recordDevices,
  resolveDevices,
} from './zone-devices.js';
import { planZoneFilter } from './zone-filter.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { groupsOf } from './zone-ref.js';

export interface SetOptions extends OperationOptions {
  /** both: acts now and is saved · live: only now · saved: only from the next start on. */
  readonly scope?: 'both' | 'live' | 'saved';
  /** Restart the zone if something asks for it. */
  readonly restart?: boolean;
}

export interface SetResult {
  readonly name: string;
  readonly spec: ZoneSpec;
  /** Fields that hold only after a restart. */
  readonly needsRestart: readonly string[];
  /** Sentences that a user should read. */
  readonly notes: readonly string[];
}

/** Fields that mean something only to commands to come: no restart needed. */
const passive = [
  'autostart',
  'restart',
  'stopTimeout',
  'stopSignal',
  'label',
  'description',
  'protect',
  'snapshotKeep',
  'env',
  'user',
  'workdir',
  // They have changed when they are saved.
  'disk',
  'inodes',
  'pool',
];

/** @throws SPEC_INVALID, ZONE_NOT_FOUND, CGROUP_CONTROLLER_MISSING, KERNEL_STEP_FAILED (a limit below what is in use) */
export async function setZone(
  host: HostContext,
  name: string,
  input: ZoneChange,
  options: SetOptions = {},
): Promise<SetResult> {
  return changeZone(host, name, changeOf(input), options);
}

/** Back to the default. @throws SPEC_INVALID for a key that there is not */
export async function unsetZone(
  host: HostContext,
  name: string,
  keys: readonly string[],
  options: SetOptions = {},
): Promise<SetResult> {
  return changeZone(host, name, unsetOf(keys), options);
}

export interface SpecChange {
  /** Named by the user, whether or not it is news to the record. */
  readonly keys: readonly string[];
  apply(record: ZoneRecord): ZoneSpec;
}

/** @throws SPEC_INVALID */
export function changeOf(input: ZoneChange): SpecChange {
  const change = parseZoneChange(input);
  return { keys: Object.keys(change), apply: ({ spec }) => changeSpec(spec, change) };
}

/** @throws SPEC_INVALID */
export function unsetOf(keys: readonly string[]): SpecChange {
  const known = keys.map(requireKey);
  return { keys: known, apply: ({ spec }) => unsetSpec(spec, known) };
}

/** One setting, or all. @throws ZONE_NOT_FOUND, SPEC_INVALID */
export async function getZone(host: HostContext, name: string, key?: string): Promise<unknown> {
  const { spec } = await readZone(host.roots, name);
  return key === undefined ? spec : spec[requireKey(key)];
}

type SettingKey = keyof typeof limitEntries | keyof typeof settingEntries;

function requireKey(key: string): SettingKey {
  const known = Object.keys({ ...limitEntries, ...settingEntries }) as SettingKey[];
  const found = known.find((one) => one === key);
  if (found !== undefined) return found;
  const near = nearest(key, known);
  throw zoneError('SPEC_INVALID', `"${key}" is not a setting${near === undefined ? '' : `; did you mean "${near}"?`}`, {
    hint: `The settings are: ${known.join(', ')}.`,
    context: { issues: [{ path: key, message: 'is not known' }] },
  });
}

async function changeZone(
  host: HostContext,
  name: string,
  change: SpecChange,
  options: SetOptions,
): Promise<SetResult> {
  const result = await changeLocked(host, name, change, options);
  if (options.restart !== true || result.needsRestart.length === 0) return result;
  await restartZone(host, name, options);
  return { ...result, needsRestart: [] };
}

async function changeLocked(
  host: HostContext,
  name: string,
  change: SpecChange,
  { scope = 'both', ...options }: SetOptions,
): Promise<SetResult> {
  await using _lock = await lockZone(host, name, options);
  const record = await readZone(host.roots, name);
  const plan = await planChange(host, record, change, scope);
  const { ops, devices, sysctls, spec, isSaved, needsRestart, notes } = plan;
  // First: it is the only one that takes long, and may be refused by what the zone has written.
  const changed = await changeVolume(host, record, plan.volume, options.signal);
  await withDevices(host, name, devices, () => applyAll(ops, () => writeSysctls(host, name, sysctls)));
  if (isSaved) await writeZone(host.roots, { ...changed, spec });
  return { name, spec, needsRestart, notes };
}

/** Killed in between, the next change takes out whatever may be there. */
async function withDevices(
  host: HostContext,
  name: string,
  devices: DeviceChange | undefined,
  body: () => Promise<void>,
): Promise<void> {
  if (devices === undefined) return body();
  await recordDevices(host, name, allDevices(devices));
  try {
    await body();
  } catch (error) {
    await recordDevices(host, name, devices.before);
    throw error;
  }
  await recordDevices(host, name, devices.after);
}

export interface ChangePlan {
  readonly spec: ZoneSpec;
  /** On the groups of a running zone, and in its /dev. */
  readonly ops: readonly HostOp[];
  /** If those of a running zone change. */
  readonly devices: DeviceChange | undefined;
  /** Bounds of what it writes, and where that is kept. */
  readonly volume: VolumeChangePlan | undefined;
  readonly notes: readonly string[];
  /** To be written in a running zone. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly isSaved: boolean;
  readonly needsRestart: readonly string[];
}

/** @throws SPEC_INVALID, ZONE_STATE, ZONE_NOT_RUNNING, CGROUP_CONTROLLER_MISSING, HOST_FEATURE_MISSING */
export async function planChange(
  host: HostContext,
  record: ZoneRecord,
  change: SpecChange,
  scope: NonNullable<SetOptions['scope']>,
): Promise<ChangePlan> {
  const { name } = record.spec;
  const spec = change.apply(record);
  const changed = changedKeys(record.spec, spec);
  const running = await readRunning(host.roots, name);
  const sysctls = changedSysctls(record.spec, spec);
  const volume = await planVolumeChange(host, record, spec, scope);
  const isLive = (key: string) => key in liveEntries || (key === 'sysctl' && sysctls !== undefined);
  if (scope === 'live') refuseNotLive(name, running !== undefined, changed, isLive);
  // A limit that was accepted before does not stand in the way of other changes.
  const isGiven = (key: string) => key in limitEntries && spec[key as keyof typeof limitEntries] !== undefined;
  if (changed.some(isGiven)) requireLimits(host.facts, limitsOf(spec));
  if (changed.includes('userns')) await requireIds(host.roots, name, spec);
  // What was given only to the running zone is taken away by what its record says already.
  const after = change.keys.includes('device') ? await resolveDevices(host, spec.device) : undefined;
  const actsNow = running !== undefined && scope !== 'saved';
  const devices = actsNow && after !== undefined ? await planDeviceChange(host, record, { running, after }) : undefined;
  if (changed.includes('seccomp')) await planZoneFilter(host, { spec, image: record.image });
  const limits = { limits: limitsOf(spec), previous: limitsOf(record.spec) };
  const waits = (key: string) => !(actsNow && isLive(key)) && !passive.includes(key);
  return {
    spec,
    sysctls: actsNow ? (sysctls ?? {}) : {},
    ops: actsNow ? [...planLimits({ ...groupsOf(host, name), ...limits }), ...(devices?.ops ?? [])] : [],
    devices,
    volume,
    notes: deviceNotes(after ?? []),
    isSaved: scope !== 'live',
    needsRestart: running === undefined ? [] : changed.filter(waits),
  };
}

/** What acts on a running zone at once. */
const liveEntries = { ...limitEntries, ...deviceEntries };

function changedKeys(before: ZoneSpec, after: ZoneSpec): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof ZoneSpec>;
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}

function refuseNotLive(
  name: string,
  running: boolean,
  changed: readonly string[],
  isLive: (key: string) => boolean,
): void {
  const stuck = changed.filter((key) => !isLive(key));
  if (running && stuck.length === 0) return;
  const why = running ? `${stuck.join(', ')} cannot change while zone "${name}" runs` : `zone "${name}" is not running`;
  throw zoneError(running ? 'ZONE_STATE' : 'ZONE_NOT_RUNNING', why, {
    hint: 'Leave out --live to save it, and add --restart to have it act now.',
    context: { zone: name, keys: changed },
  });
}
