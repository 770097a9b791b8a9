/** `list`. */
import { readNetworks } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { lookAtZones } from './look-at-zones.js';
import { leasesByZone } from './zone-network.js';
import { summarize, summarizeUnreadable, type ZoneSummary } from './zone-view.js';

/** All zones, sorted by name; one whose record cannot be read has the status `corrupt`. */
export async function listZones(host: HostContext): Promise<ZoneSummary[]> {
  const { readable, unreadable } = await lookAtZones(host);
  const leases = leasesByZone(await readNetworks(host.roots));
  const summaries = readable.map(({ record, running, status }) =>
    summarize(record, { running, status, leases: leases.get(record.spec.name) ?? [] }),
  );
  return [...summaries, ...unreadable.map(summarizeUnreadable)].sort((a, b) => (a.name < b.name ? -1 : 1));
}
