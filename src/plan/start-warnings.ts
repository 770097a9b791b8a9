/** What must not be overlooked when a zone is started on this host. */
import { hasUnboundGroups } from '../cgroups/index.js';
import type { HostFacts } from '../host/index.js';
import { modeOf, modeWarnings, warningMark, type ZoneSpec } from '../spec/index.js';

export function startWarnings(spec: ZoneSpec, { cgroup }: Pick<HostFacts, 'cgroup'>): string[] {
  const unbound = modeOf(spec) === 'nesting' && hasUnboundGroups(cgroup);
  const bound = `${warningMark}zone "${spec.name}" may make any number of cgroups, as cgroup v1 has no bound: they take memory of this host that no limit counts`;
  return [...modeWarnings(spec), ...(unbound ? [bound] : [])];
}
