/** cpu: bandwidth and weight. v1 `cpu.cfs_quota_us`, `cpu.cfs_period_us`, `cpu.shares`; v2 `cpu.max`, `cpu.weight`. */
import type { ControllerRules } from './controller.js';
import { isSet, type Limit } from './limits.js';

const periodUs = 100_000;
/** sched_cfs_bandwidth: less is EINVAL. */
const leastQuotaUs = 1000;

export const cpuRules: ControllerRules = {
  controller: 'cpu',
  purpose: 'cpu limit',
  isAsked: ({ cpus, cpuWeight }) => isSet(cpus) || isSet(cpuWeight),
  v1: ({ cpus, cpuWeight }) => [
    { file: 'cpu.cfs_period_us', value: String(periodUs) },
    { file: 'cpu.cfs_quota_us', value: quotaUs(cpus)?.toString() ?? '-1' },
    { file: 'cpu.shares', value: String(sharesOf(isSet(cpuWeight) ? cpuWeight : 100)) },
  ],
  v2: ({ cpus, cpuWeight }) => [
    { file: 'cpu.max', value: `${quotaUs(cpus) ?? 'max'} ${periodUs}` },
    { file: 'cpu.weight', value: String(isSet(cpuWeight) ? cpuWeight : 100) },
  ],
};

function quotaUs(cpus: Limit): number | undefined {
  return isSet(cpus) ? Math.max(leastQuotaUs, Math.round(cpus * periodUs)) : undefined;
}

/** v2's default 100 is v1's default 1024, and both are proportional. The kernel takes 2 to 262144. */
function sharesOf(weight: number): number {
  return Math.min(262_144, Math.max(2, Math.round((weight * 1024) / 100)));
}
