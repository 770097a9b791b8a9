/** `list`. */
import { readNetworks, scanZones } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { runningOrSettled } from './recover.js';
import { leasesByZone } from './zone-network.js';
import { summarize, summarizeUnreadable, type ZoneSummary } from './zone-view.js';

/** All zones, sorted by name; one whose record cannot be read has the status `corrupt`. */
export async function listZones(host: HostContext): Promise<ZoneSummary[]> {
  const { records, unreadable } = await scanZones(host.roots);
  const leases = leasesByZone(await readNetworks(host.roots));
  const readable: ZoneSummary[] = [];
  for (const record of records) {
    const { name } = record.spec;
    const running = await runningOrSettled(host.roots, name);
    readable.push(await summarize(host, record, { running, leases: leases.get(name) ?? [] }));
  }
  return [...readable, ...unreadable.map(summarizeUnreadable)].sort((a, b) => (a.name < b.name ? -1 : 1));
}
