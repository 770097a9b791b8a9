/**
 * cgroups: one interface for v1, v2 and hybrid. plan.ts says what to make, apply.ts makes and unmakes it, usage.ts and
 * control.ts read and steer what runs. Zones are at `tszone/<instance>/<zone>` of each hierarchy.
 */
export { cgroupHandlers } from './apply.js';
export { freezeZone, isZoneFrozen, killZone, planThaw, thawZone, zonePids } from './control.js';
export type { DeviceRule } from './device-rule.js';
export { requireDevices } from './feasible.js';
export { freezerPlace, type ZoneRef, zoneGroups } from './groups.js';
export type { Limit, ZoneLimits } from './limits.js';
export type { CgroupOp } from './ops.js';
export { type GroupOwner, hasCountedGroups, withUnified } from './own.js';
export {
  type MonitorCgroupPlan,
  planDeviceRules,
  planEntryCgroup,
  planExecCgroup,
  planLimits,
  planMonitorCgroup,
  planStatusCgroup,
  planZoneCgroups,
  requireLimits,
  type ZoneCgroupPlan,
} from './plan.js';
export { dropKeptGroups, keepSharedGroups, removeSharedGroups } from './remove.js';
export { readZoneUsage, type ZoneUsage } from './usage.js';
