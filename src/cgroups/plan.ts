/** What a zone needs of the host's cgroups, as ops: pure, from the layout that was probed. */

import type { EnterOp } from '../helper/protocol.js';
import type { CgroupLayout, Controller, HostFacts } from '../host/facts.js';
import type { ControllerRules } from './controller.js';
import { cpuRules } from './cpu.js';
import { cpusetFillFiles, cpusetRules } from './cpuset.js';
import { programOp } from './device-list.js';
import { type DeviceRule, defaultDevices, formatRule, mergeRules } from './device-rule.js';
import { noHierarchy, requireControllers, requireCpus, requireDevices } from './feasible.js';
import { freezerFile } from './freezer.js';
import { groupOf, type Hierarchy, hierarchies, mainGroup, type ZoneGroup, type ZoneRef, zoneGroups } from './groups.js';
import { isSet, type ZoneLimits } from './limits.js';
import { memoryRules } from './memory.js';
import type { CgroupCreateOp, CgroupDelegateOp, CgroupOp, CgroupWriteOp, EnabledControllers } from './ops.js';
import { boundGroup, type GroupOwner, ownGroup } from './own.js';
import { pidsRules } from './pids.js';

export interface ZoneCgroupPlan {
  /** Host side, before the launch. */
  readonly prepare: readonly CgroupOp[];
  /** cgroup.join (v1) and cgroup.into (v2), for the helper; monitor.groups. */
  readonly enter: readonly EnterOp[];
  /** exit.rmtree, for the monitor. */
  readonly exit: readonly EnterOp[];
  /** For monitor.oom: a file with a line `oom_kill N`. */
  readonly oomFile?: string;
  readonly groups: readonly ZoneGroup[];
}

export interface MonitorCgroupPlan {
  readonly prepare: readonly CgroupOp[];
  /** monitor.leave, one a hierarchy. */
  readonly enter: readonly EnterOp[];
}

const rules: readonly ControllerRules[] = [memoryRules, cpuRules, pidsRules, cpusetRules];
/** v2: handed down whether or not a limit asks, so that usage is counted. */
const countedControllers: readonly Controller[] = ['memory', 'cpu', 'pids'];

/**
 * What a start would refuse, before there is anything to start.
 *
 * @throws SPEC_INVALID on a CPU that is not online or swap without memory, CGROUP_CONTROLLER_MISSING or HOST_FEATURE_MISSING if a limit cannot be enforced here
 */
export function requireLimits({ cgroup, cpus }: Pick<HostFacts, 'cgroup' | 'cpus'>, limits: ZoneLimits): void {
  requireCpus(cpus, limits);
  requireControllers(cgroup, limits, rules);
}

export interface ZoneCgroupRequest extends ZoneRef {
  readonly limits: ZoneLimits;
  /** Besides the default ones. */
  readonly devices?: readonly DeviceRule[] | undefined;
  /** Of a privileged zone: whatever opens on the host, opens in it. */
  readonly allDevices?: boolean | undefined;
  /** May make groups of its own. */
  readonly owner?: GroupOwner | undefined;
}

/** @throws CGROUP_CONTROLLER_MISSING if a limit or a list of devices cannot be enforced here, SPEC_INVALID on swap without memory. */
export function planZoneCgroups(request: ZoneCgroupRequest): ZoneCgroupPlan {
  const { layout, limits } = request;
  const devices = request.allDevices === true ? undefined : (request.devices ?? []);
  requireControllers(layout, limits, rules);
  if (devices !== undefined) requireDevices(layout, devices);
  const groups = zoneGroups(request);
  const enabled = enabledControllers(layout, limits);
  const oom = oomFile(groups);
  return {
    prepare: [
      ...delegate(layout),
      ...groups.map((group) => createGroup(group, enabled, layout)),
      ...groups.flatMap((group) => restrictDevices(group, devices)),
      ...limitWrites(groups, layout, limits),
      ...guaranteeSums(groups, limits),
      ...groups.flatMap((group) => ownGroup(group, layout, request.owner)),
    ],
    enter: [
      ...groups.map(joinGroup),
      ...groups.flatMap((group) => filterDevices(group, devices)),
      ...groups.flatMap((group) => boundGroup(group, layout, request.owner)),
    ],
    exit: groups.map((group) => ({ op: 'exit.rmtree', path: group.path })),
    ...(oom === undefined ? {} : { oomFile: oom }),
    groups,
  };
}

/** An exec has the zone's limits and a group of its own, by which it can be killed with all that it started. */
export function planExecCgroup(request: ZoneRef): EnterOp[] {
  const groups = zoneGroups(request);
  const main = mainGroup(groups);
  if (main === undefined) throw noHierarchy(request.layout);
  const kind = main.version === 1 ? 'tasks' : 'into';
  const own: EnterOp = { op: 'exec.group', path: `${main.path}/exec-`, kind, fill: fillOf(main) };
  const oom = oomFile(groups);
  return [
    own,
    ...groups.filter((group) => group !== main).map(joinGroup),
    ...(oom === undefined ? [] : [{ op: 'monitor.oom', path: oom } as const]),
  ];
}

/** What the native entry asks of a zone's groups. */
export function planEntryCgroup(request: ZoneRef): EnterOp[] {
  const groups = zoneGroups(request);
  const freezer = groupOf(groups, 'freezer');
  const main = mainGroup(groups);
  return [
    ...(freezer === undefined ? [] : [{ op: 'entry.freezer', path: freezerFile(freezer) } as const]),
    ...(main === undefined ? [] : [{ op: 'entry.group', path: main.path } as const]),
  ];
}

/** What the native entry reads for `status`: the same files as usage.ts, the lines of the command's. */
export function planStatusCgroup(request: ZoneRef): { readonly life: EnterOp; readonly usage: readonly EnterOp[] } {
  const groups = zoneGroups(request);
  const line = (label: string, how: string, ...argument: string[]): EnterOp => ({
    op: 'status.line',
    label,
    how,
    argument,
  });
  const memory = groupOf(groups, 'memory');
  const pids = groupOf(groups, 'pids');
  const cpu = cpuTimeFile(groups);
  const [used, limit] = memory?.version === 1 ? ['usage_in_bytes', 'limit_in_bytes'] : ['current', 'max'];
  return {
    life: line('status', 'life', oomFile(groups) ?? ''),
    usage: [
      ...(memory === undefined
        ? []
        : [line('memory', 'size', `${memory.path}/memory.${used}`, `${memory.path}/memory.${limit}`)]),
      ...(pids === undefined ? [] : [line('processes', 'count', `${pids.path}/pids.current`, `${pids.path}/pids.max`)]),
      ...(cpu === undefined ? [] : [line('cpu time', 'cpu', cpu)]),
    ],
  };
}

function cpuTimeFile(groups: readonly ZoneGroup[]): string | undefined {
  const unified = groups.find(({ version, controllers }) => version === 2 && controllers.length > 0);
  const cpu = groupOf(groups, 'cpu') ?? unified;
  if (cpu?.version === 2) return `${cpu.path}/cpu.stat`;
  const accounts = groupOf(groups, 'cpuacct');
  return accounts === undefined ? undefined : `${accounts.path}/cpuacct.usage`;
}

/** A file with a line `oom_kill N`, if the host counts that. */
function oomFile(groups: readonly ZoneGroup[]): string | undefined {
  const memory = groupOf(groups, 'memory');
  return memory === undefined
    ? undefined
    : `${memory.path}/${memory.version === 1 ? 'memory.oom_control' : 'memory.events'}`;
}

/** Monitors leave their caller's groups, so that they outlive it. */
export function planMonitorCgroup(layout: CgroupLayout): MonitorCgroupPlan {
  const places = hierarchies(layout).map((hierarchy) => ({ ...hierarchy, path: `${hierarchy.top}/tszone/monitors` }));
  return {
    prepare: [
      ...delegate(layout),
      ...places.map(({ path, ...hierarchy }) => ({
        op: 'cgroup.share' as const,
        path,
        parents: [`${hierarchy.top}/tszone`],
        fill: fillOf(hierarchy),
      })),
    ],
    enter: places.map(({ path, version }) => ({
      op: 'monitor.leave',
      path: `${path}/${version === 1 ? 'tasks' : 'cgroup.procs'}`,
    })),
  };
}

/**
 * From the limits in force to new ones, on a running zone: only what differs, in an order in which every step is legal.
 *
 * @throws CGROUP_CONTROLLER_MISSING, SPEC_INVALID as planZoneCgroups.
 */
export function planLimits(
  request: ZoneRef & { readonly limits: ZoneLimits; readonly previous: ZoneLimits },
): CgroupOp[] {
  const { layout, limits, previous } = request;
  requireControllers(layout, limits, rules);
  const groups = zoneGroups(request);
  const unified = groups.find((group) => group.version === 2 && group.controllers.length > 0);
  const enabled = enabledControllers(layout, limits);
  const writes = limitWrites(groups, layout, limits, previous);
  const guaranteeChanged = writes.some(({ path }) => path.endsWith('/memory.min'));
  return [
    ...(unified === undefined || writes.length === 0
      ? []
      : [{ op: 'cgroup.enable' as const, paths: [unified.top, ...unified.parents], ...enabled }]),
    ...writes,
    ...(guaranteeChanged ? sumsOf(groups) : []),
  ];
}

function delegate({ base, delegate: unit }: CgroupLayout): CgroupDelegateOp[] {
  return unit === undefined || base === undefined ? [] : [{ op: 'cgroup.delegate', ...unit, path: base }];
}

function createGroup(group: ZoneGroup, enabled: EnabledControllers, layout: CgroupLayout): CgroupCreateOp {
  const { path, parents, version, controllers, top } = group;
  // In a zone, the topmost group that is seen is the one in which it was started.
  const leaf = layout.devicesAbove === true ? { leaf: `${top}/tszone-rest` } : {};
  const enable = version === 2 && controllers.length > 0 ? { enable: { ...enabled, above: top, ...leaf } } : {};
  return { op: 'cgroup.create', path, parents, fill: fillOf(group), ...enable };
}

function fillOf({ version, controllers }: Hierarchy): readonly string[] {
  return version === 1 && controllers.includes('cpuset') ? cpusetFillFiles : [];
}

function joinGroup({ version, path }: ZoneGroup): EnterOp {
  return version === 1 ? { op: 'cgroup.join', path: `${path}/tasks` } : { op: 'cgroup.into', path };
}

/** v1: before the launch, by node. */
/** @param devices besides the default ones; `undefined`: all there are */
function restrictDevices(group: ZoneGroup, devices: readonly DeviceRule[] | undefined): CgroupOp[] {
  if (devices === undefined || group.version !== 1 || !group.controllers.includes('devices')) return [];
  return [{ op: 'cgroup.devices', path: group.path, allow: rulesWith(devices).map(formatRule) }];
}

/** v2: by the helper, before it makes the zone's first process. */
function filterDevices(group: ZoneGroup, devices: readonly DeviceRule[] | undefined): EnterOp[] {
  if (devices === undefined || group.version !== 2 || !group.controllers.includes('devices')) return [];
  return [programOp(group.path, rulesWith(devices))];
}

function rulesWith(devices: readonly DeviceRule[]): DeviceRule[] {
  return mergeRules([...defaultDevices, ...devices]);
}

/** On a running zone. @throws CGROUP_CONTROLLER_MISSING */
export function planDeviceRules(
  request: ZoneRef & { readonly before: readonly DeviceRule[]; readonly after: readonly DeviceRule[] },
): CgroupOp[] {
  requireDevices(request.layout, request.after);
  const group = groupOf(zoneGroups(request), 'devices');
  if (group === undefined) return [];
  const [before, after] = [request.before, request.after].map((devices) => rulesWith(devices).map(formatRule));
  if (before === undefined || after === undefined) return [];
  return [{ op: 'cgroup.devices-change', path: group.path, version: group.version, before, after }];
}

/** Without `previous`: what is asked for. With it: what differs from it. */
function limitWrites(
  groups: readonly ZoneGroup[],
  layout: CgroupLayout,
  limits: ZoneLimits,
  previous?: ZoneLimits,
): CgroupWriteOp[] {
  return rules.flatMap((rule) => {
    const group = groupOf(groups, rule.controller);
    if (group === undefined) return [];
    const filesOf = (some: ZoneLimits) => (group.version === 1 ? rule.v1 : rule.v2)(some, { layout, previous });
    const before = new Map(filesOf(previous ?? {}).map(({ file, value }) => [file, value]));
    return filesOf(limits)
      .filter(({ file, value }) => before.get(file) !== value)
      .map(({ file, value }) => ({
        op: 'cgroup.write' as const,
        path: `${group.path}/${file}`,
        value,
        ...(previous === undefined ? {} : { previous: before.get(file) ?? '' }),
        purpose: rule.purpose,
        controller: rule.controller,
      }));
  });
}

function guaranteeSums(groups: readonly ZoneGroup[], limits: ZoneLimits): CgroupOp[] {
  return isSet(limits.memoryGuaranteeBytes) ? sumsOf(groups) : [];
}

/** A floor holds only as far as every group above has one. */
function sumsOf(groups: readonly ZoneGroup[]): CgroupOp[] {
  const memory = groupOf(groups, 'memory');
  return [...(memory?.parents ?? [])].reverse().map((path) => ({ op: 'cgroup.sum', path, file: 'memory.min' }));
}

/** v2: what the zone's limits need is required; what only counts is wanted. */
function enabledControllers(layout: CgroupLayout, limits: ZoneLimits): EnabledControllers {
  const isV2 = (name: Controller) => layout.controllers[name]?.version === 2;
  const required = rules
    .filter((rule) => rule.isAsked(limits))
    .map((rule) => rule.controller)
    .filter(isV2);
  return { required, wanted: countedControllers.filter((name) => isV2(name) && !required.includes(name)) };
}
