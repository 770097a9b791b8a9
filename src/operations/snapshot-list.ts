/** `snapshot list`. */
import { readSnapshots, readZone, readZones } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { describeSnapshot, type SnapshotView } from './snapshot-view.js';

/** Of one zone or of all; of each zone the oldest first. @throws ZONE_NOT_FOUND */
export async function listSnapshots({ roots }: HostContext, zone?: string): Promise<SnapshotView[]> {
  const zones = zone === undefined ? await readZones(roots) : [await readZone(roots, zone)];
  const found: SnapshotView[] = [];
  for (const { spec } of zones) {
    const records = await readSnapshots(roots, spec.name);
    found.push(...records.map((record) => describeSnapshot(spec.name, record)));
  }
  return found;
}
