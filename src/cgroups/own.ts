/** Groups that a zone may divide: those of a zone that holds zones. */
import type { CgroupLayout, Controller } from '../host/facts.js';
import { type Hierarchy, hierarchies, type ZoneGroup } from './groups.js';
import type { CgroupOp } from './ops.js';

/** Host ids of the zone's root. */
export interface GroupOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * v1 has no delegation of its own; these limit no more below than above, and go by the owners of files. Not the freezer: what is
 * frozen there does not die, so a zone could make itself immortal.
 */
export const ownableControllers: readonly Controller[] = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids'];

/** How many groups a zone may make on v2, the host's for its execs among them, and how deep; v1 has no such bound. */
const mostGroups = 1024;
const deepest = 16;

export function ownGroup(group: ZoneGroup, layout: CgroupLayout, owner: GroupOwner | undefined): CgroupOp[] {
  const { path, version } = group;
  if (owner === undefined || !isOwnable(group, layout)) return [];
  if (version === 1) return [{ op: 'cgroup.own', path, ...owner, files: ['tasks', 'cgroup.procs'] }];
  const bound = { purpose: 'bound on groups', controller: 'cgroup' } as const;
  return [
    { op: 'cgroup.write', path: `${path}/cgroup.max.descendants`, value: String(mostGroups), ...bound },
    { op: 'cgroup.write', path: `${path}/cgroup.max.depth`, value: String(deepest), ...bound },
    { op: 'cgroup.own', path, ...owner, files: ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'] },
  ];
}

function isOwnable({ version, controllers }: Hierarchy, layout: CgroupLayout): boolean {
  if (version === 2) return controllers.length > 0;
  const together = controllers.flatMap((name) => layout.controllers[name]?.hierarchy ?? [name]);
  return together.length > 0 && together.every((name) => ownableControllers.some((one) => one === name));
}

/** Whether nothing bounds how many groups a zone makes in those that it is given. */
export function hasUnboundGroups(layout: CgroupLayout): boolean {
  return hierarchies(layout).some((hierarchy) => hierarchy.version === 1 && isOwnable(hierarchy, layout));
}
