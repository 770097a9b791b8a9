/** Directories of zones that a power cut ended together with all that was known of them: throw-away zones, mostly. */
import { existsSync } from 'node:fs';
import { hasCode } from '../errors/index.js';
import { applyHostOp, type HostOp } from '../plan/index.js';
import { acquireZoneLock, type Roots, readJournals, zoneNames, zonePaths } from '../state/index.js';

/** What has neither a record nor a journal. */
export async function findRemains(roots: Roots): Promise<string[]> {
  const zones = await zoneNames(roots);
  const found = await Promise.all(zones.map((zone) => isZone(roots, zone)));
  return zones.filter((_, index) => found[index] !== true);
}

/** Removes what has neither a record nor a journal. Zones that somebody works on are left alone. @returns their names */
export async function removeRemains(roots: Roots): Promise<string[]> {
  const removed: string[] = [];
  for (const zone of await zoneNames(roots)) {
    if (await isZone(roots, zone)) continue;
    try {
      await using _lock = await acquireZoneLock(roots, zone, { timeoutMs: 0 });
      if (await isZone(roots, zone)) continue;
      const remove: HostOp = { op: 'state.remove', path: zonePaths(roots, zone).directory };
      await applyHostOp(remove);
      removed.push(zone);
    } catch (error) {
      if (!hasCode(error, 'LOCK_BUSY', 'ZONE_STATE')) throw error;
    }
  }
  return removed;
}

/** A record that cannot be read is one all the same; a link that leads nowhere is none. */
async function isZone(roots: Roots, zone: string): Promise<boolean> {
  return existsSync(zonePaths(roots, zone).record) || (await readJournals(roots, zone)).length > 0;
}
