/** The AppArmor profile of a zone, as its record and the host have it; and which module confines one that runs. */
import { readFileSync } from 'node:fs';
import { planProfile, type ZoneProfile } from '../apparmor/index.js';
import { apparmorObstacle, apparmorParser, findTool, type HostFacts, isUnconfinedLabel } from '../host/index.js';
import { modeOf, warningMark, type ZoneSpec } from '../spec/index.js';
import type { HostContext } from './host-context.js';

export interface ProfilePart {
  readonly profile?: ZoneProfile;
  readonly notes: readonly string[];
}

/** A second layer: a host without AppArmor does without, one that lacks only the parser is told so. */
export function planZoneProfile({ roots, facts }: Pick<HostContext, 'roots' | 'facts'>, spec: ZoneSpec): ProfilePart {
  const mode = modeOf(spec);
  if (facts.apparmor === undefined || mode === 'privileged') return { notes: [] };
  const obstacle = apparmorObstacle(facts, findTool(apparmorParser) !== undefined);
  if (obstacle === undefined) {
    return { profile: planProfile(roots, mode === 'host-ids' ? 'host-ids' : 'mapped'), notes: [] };
  }
  const note = `${warningMark}zone "${spec.name}" has no AppArmor profile: ${obstacle.reason} (${obstacle.fix})`;
  return { notes: obstacle.isOversight ? [note] : [] };
}

/** @returns `apparmor:NAME (MODE)` or `none`; `undefined` if pid 1 is gone meanwhile */
export function zoneLsm({ apparmor }: HostFacts, pid: number): string | undefined {
  if (apparmor === undefined) return 'none';
  try {
    const label = readFileSync(`/proc/${pid}/attr/apparmor/current`, 'utf8').trim();
    return isUnconfinedLabel(label) ? 'none' : `apparmor:${label}`;
  } catch {
    return undefined;
  }
}
