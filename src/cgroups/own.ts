/** Groups that a zone may divide: those of a zone that holds zones, or whose init is systemd. */
import type { EnterOp } from '../helper/protocol.js';
import type { CgroupLayout, Controller } from '../host/facts.js';
import { type Hierarchy, hierarchies, type ZoneGroup } from './groups.js';
import type { CgroupOp } from './ops.js';

/** Host ids of the zone's root. */
export interface GroupOwner {
  readonly uid: number;
  readonly gid: number;
  /** `init`: what systemd needs to run as pid 1, a group of the unified hierarchy. `zones`: all that can be given. */
  readonly purpose: 'init' | 'zones';
}

/**
 * v1 has no delegation of its own; these limit no more below than above, and go by the owners of files. Not the freezer: what is
 * frozen there does not die, so a zone could make itself immortal.
 */
export const ownableControllers: readonly Controller[] = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids'];

/** How many groups a zone may make, and how deep: on v2 the host's for its execs among them. The kernel holds it on v2, the monitor on v1. */
const mostGroups = { init: 512, zones: 1024 } as const;
const deepest = 16;

/**
 * With the unified hierarchy, where the host has it, whether or not every zone has a group there. A zone whose init is systemd has: on v1 that is
 * content to count processes in it (systemd's "hybrid").
 */
export function withUnified(layout: CgroupLayout): CgroupLayout {
  const { unified, tracking } = layout;
  if (unified === undefined || tracking.some(({ version }) => version === 2)) return layout;
  return { ...layout, tracking: [...tracking, { version: 2, mount: unified }] };
}

export function ownGroup(group: ZoneGroup, layout: CgroupLayout, owner: GroupOwner | undefined): CgroupOp[] {
  const { path, version } = group;
  if (owner === undefined || !isOwnable(group, layout)) return [];
  const { purpose, ...ids } = owner;
  if (version === 1)
    return purpose === 'init' ? [] : [{ op: 'cgroup.own', path, ...ids, files: ['tasks', 'cgroup.procs'] }];
  // Where an exec's process is in the zone's own group, the zone must not make it one that holds groups only.
  const divided = layout.mode === 'v2' ? ['cgroup.subtree_control'] : [];
  const bound = { purpose: 'bound on groups', controller: 'cgroup' } as const;
  return [
    { op: 'cgroup.write', path: `${path}/cgroup.max.descendants`, value: String(mostGroups[purpose]), ...bound },
    { op: 'cgroup.write', path: `${path}/cgroup.max.depth`, value: String(deepest), ...bound },
    { op: 'cgroup.own', path, ...ids, files: ['cgroup.procs', 'cgroup.threads', ...divided] },
  ];
}

/** v1 has no file for it: the zone is ended by its monitor when it has more. */
export function boundGroup(group: ZoneGroup, layout: CgroupLayout, owner: GroupOwner | undefined): EnterOp[] {
  if (owner?.purpose !== 'zones' || group.version === 2 || !isOwnable(group, layout)) return [];
  return [{ op: 'monitor.groups', path: group.path, most: String(mostGroups.zones) }];
}

function isOwnable({ version, controllers }: Hierarchy, layout: CgroupLayout): boolean {
  if (version === 2) return true;
  const together = controllers.flatMap((name) => layout.controllers[name]?.hierarchy ?? [name]);
  return together.length > 0 && together.every((name) => ownableControllers.some((one) => one === name));
}

/** Whether the kernel does not bound how many groups a zone makes in those that it is given. */
export function hasCountedGroups(layout: CgroupLayout): boolean {
  return hierarchies(layout).some((hierarchy) => hierarchy.version === 1 && isOwnable(hierarchy, layout));
}
