/** What must not be overlooked when a zone is started on this host. */
import { hasCountedGroups } from '../cgroups/index.js';
import type { HostFacts } from '../host/index.js';
import { modeOf, modeWarnings, warningMark, type ZoneSpec } from '../spec/index.js';

export function startWarnings(spec: ZoneSpec, { cgroup }: Pick<HostFacts, 'cgroup'>): string[] {
  const isCounted = modeOf(spec) === 'nesting' && hasCountedGroups(cgroup);
  const bound = `${warningMark}zone "${spec.name}" may make 1024 cgroups of a kind, and is ended when it has more: on cgroup v1 they take memory of this host that no limit counts`;
  return [...modeWarnings(spec), ...(isCounted ? [bound] : [])];
}
