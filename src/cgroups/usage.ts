/** What a zone uses, read from its groups. Units are in the names; what the kernel does not count is absent. */

import { groupOf, type ZoneGroup, type ZoneRef, zoneGroups } from './groups.js';
import { readControl } from './kernel-file.js';

export interface ZoneUsage {
  readonly memoryBytes?: number;
  readonly memoryPeakBytes?: number;
  /** Absent: unlimited. */
  readonly memoryLimitBytes?: number;
  readonly swapBytes?: number;
  /** User and system time of all its processes, also of those that have ended. */
  readonly cpuUsageUs?: number;
  /** Time in which it was runnable but out of quota. */
  readonly cpuThrottledUs?: number;
  /** Periods of the quota in which it ran out. */
  readonly cpuThrottledPeriods?: number;
  readonly pids?: number;
  /** Absent: unlimited. */
  readonly pidsLimit?: number;
  /** Forks that the limit has refused. */
  readonly pidsRefused?: number;
  /** Processes that the kernel has killed for want of memory since the group was made. */
  readonly oomKills?: number;
}

/** Nothing (an empty object) if the zone has no groups. */
export function readZoneUsage(ref: ZoneRef): ZoneUsage {
  const groups = zoneGroups(ref);
  const usage: Record<keyof ZoneUsage, number | undefined> = {
    ...memoryUsage(groupOf(groups, 'memory')),
    ...cpuUsage(groups),
    ...pidsUsage(groupOf(groups, 'pids')),
  };
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined));
}

function memoryUsage(group: ZoneGroup | undefined) {
  const path = group?.path ?? '';
  const isV1 = group?.version === 1;
  const memoryBytes = readNumber(`${path}/${isV1 ? 'memory.usage_in_bytes' : 'memory.current'}`);
  const memsw = isV1 ? readNumber(`${path}/memory.memsw.usage_in_bytes`) : undefined;
  const events = readPairs(`${path}/${isV1 ? 'memory.oom_control' : 'memory.events'}`);
  return {
    memoryBytes,
    // memory.peak is 5.19's.
    memoryPeakBytes: readNumber(`${path}/${isV1 ? 'memory.max_usage_in_bytes' : 'memory.peak'}`),
    memoryLimitBytes: readNumber(`${path}/${isV1 ? 'memory.limit_in_bytes' : 'memory.max'}`),
    swapBytes: isV1 ? swapV1(memsw, memoryBytes) : readNumber(`${path}/memory.swap.current`),
    oomKills: events.oom_kill,
  };
}

/** The two are read one after the other, so the difference can be below 0 by a little. */
function swapV1(memsw: number | undefined, memory: number | undefined): number | undefined {
  return memsw === undefined || memory === undefined ? undefined : Math.max(0, memsw - memory);
}

function cpuUsage(groups: readonly ZoneGroup[]) {
  const unified = groups.find(({ version, controllers }) => version === 2 && controllers.length > 0);
  const cpu = groupOf(groups, 'cpu') ?? unified;
  const stat = readPairs(`${cpu?.path ?? ''}/cpu.stat`);
  const accountedNs = readNumber(`${groupOf(groups, 'cpuacct')?.path ?? ''}/cpuacct.usage`);
  const throttledNs = stat.throttled_time;
  return {
    cpuUsageUs: stat.usage_usec ?? (accountedNs === undefined ? undefined : Math.round(accountedNs / 1000)),
    cpuThrottledUs: stat.throttled_usec ?? (throttledNs === undefined ? undefined : Math.round(throttledNs / 1000)),
    cpuThrottledPeriods: stat.nr_throttled,
  };
}

function pidsUsage(group: ZoneGroup | undefined) {
  const path = group?.path ?? '';
  return {
    pids: readNumber(`${path}/pids.current`),
    pidsLimit: readNumber(`${path}/pids.max`),
    pidsRefused: readPairs(`${path}/pids.events`).max,
  };
}

/** `undefined` for a missing file, `max`, and v1's word for unlimited: the largest number of pages. */
function readNumber(path: string): number | undefined {
  const text = readControl(path);
  const value = text === undefined || text === 'max' || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Lines `key value`. */
function readPairs(path: string): Readonly<Record<string, number>> {
  const lines = (readControl(path) ?? '').split('\n').map((line) => line.split(' '));
  return Object.fromEntries(
    lines.flatMap(([key, value]) => (key === undefined || value === undefined ? [] : [[key, Number(value)]])),
  );
}
