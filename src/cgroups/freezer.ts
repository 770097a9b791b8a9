/** freezer: v1 `freezer.state` (THAWED, FREEZING, FROZEN); v2 `cgroup.freeze`, done when cgroup.events says `frozen 1`. */
import type { ZoneGroup } from './groups.js';
import { readControl, writeControl } from './kernel-file.js';

/** Asks the kernel; it is done when isFrozen says so. @throws the system error. */
export function requestFrozen({ version, path }: ZoneGroup, frozen: boolean): void {
  if (version === 1) writeControl(`${path}/freezer.state`, frozen ? 'FROZEN' : 'THAWED');
  else writeControl(`${path}/cgroup.freeze`, frozen ? '1' : '0');
}

/** What says whether a group is frozen. */
export function freezerFile({ version, path }: ZoneGroup): string {
  return `${path}/${version === 1 ? 'freezer.state' : 'cgroup.events'}`;
}

/** False also if the group is not there. */
export function isFrozen(group: ZoneGroup): boolean {
  const said = readControl(freezerFile(group)) ?? '';
  return group.version === 1 ? said === 'FROZEN' : /^frozen 1$/m.test(said);
}

/** Frozen or on the way there: what a thaw has to undo. */
export function isFreezeRequested({ version, path }: ZoneGroup): boolean {
  return version === 1
    ? (readControl(`${path}/freezer.state`) ?? 'THAWED') !== 'THAWED'
    : readControl(`${path}/cgroup.freeze`) === '1';
}

/** What to write where to let a group run on. */
export function thawFile({ version, path }: ZoneGroup): { readonly path: string; readonly value: string } {
  return version === 1
    ? { path: `${path}/freezer.state`, value: 'THAWED' }
    : { path: `${path}/cgroup.freeze`, value: '0' };
}
