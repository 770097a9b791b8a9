/** What a zone has of the host's cgroups: its groups, what limits them, what it may divide, and what it sees. */
import {
  type CgroupOp,
  type GroupOwner,
  planMonitorCgroup,
  planZoneCgroups,
  withUnified,
  type ZoneLimits,
} from '../cgroups/index.js';
import type { EnterOp } from '../helper/index.js';
import type { CgroupLayout } from '../host/index.js';
import { modeOf, type ZoneSpec } from '../spec/index.js';
import type { StartPlanInput } from './start-plan.js';

export function limitsOf(spec: ZoneSpec): ZoneLimits {
  return {
    memoryBytes: spec.memory,
    swapBytes: spec.swap,
    memoryGuaranteeBytes: spec.memoryGuarantee,
    cpus: spec.cpus,
    cpuWeight: spec.cpuWeight,
    pids: spec.pids,
    cpuset: spec.cpuset,
  };
}

export interface CgroupPart {
  readonly prepare: readonly CgroupOp[];
  readonly enter: readonly EnterOp[];
  readonly leave: readonly EnterOp[];
  readonly exit: readonly EnterOp[];
  readonly oomFile: string | undefined;
}

export function planCgroups(input: StartPlanInput): CgroupPart {
  const { roots, record, devices } = input;
  const layout = zoneLayout(input);
  const zone = { layout, instance: roots.instance, zone: record.spec.name };
  const own = planZoneCgroups({
    ...zone,
    limits: limitsOf(record.spec),
    devices,
    allDevices: record.spec.privileged,
    owner: groupOwner(input),
  });
  const monitor = planMonitorCgroup(layout);
  return {
    prepare: [...monitor.prepare, ...own.prepare],
    enter: own.enter,
    leave: monitor.enter,
    exit: own.exit,
    oomFile: own.oomFile,
  };
}

/** Of the host, and what the zone's init needs besides. */
export function zoneLayout({ facts, bootsSystemd }: Pick<StartPlanInput, 'facts' | 'bootsSystemd'>): CgroupLayout {
  return bootsSystemd === true ? withUnified(facts.cgroup) : facts.cgroup;
}

function groupOwner({ record: { spec, ids }, bootsSystemd }: StartPlanInput): GroupOwner | undefined {
  const root = { uid: ids.base, gid: ids.base };
  if (modeOf(spec) === 'nesting') return { ...root, purpose: 'zones' };
  return bootsSystemd === true && !spec.privileged ? { ...root, purpose: 'init' } : undefined;
}

/** What a zone's programs can read of their own limits: each controller's group as the root of its hierarchy. */
export function cgroupView({ mode, controllers }: CgroupLayout): readonly string[] | 'unified' | 'none' {
  if (mode === 'v2') return 'unified';
  const shown = (['memory', 'cpu', 'cpuacct', 'cpuset', 'pids'] as const).flatMap((name) => {
    const found = controllers[name];
    return found?.version === 1 ? [(found.hierarchy ?? [name]).join(',')] : [];
  });
  // In a cgroup namespace no hierarchy is made: the list must be exactly that of one (EPERM).
  return shown.length === 0 ? 'none' : [...new Set(shown)];
}
