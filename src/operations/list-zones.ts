/** `list`. */
import { scanZones } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { settleDeadZones } from './recover.js';
import { summarize, summarizeUnreadable, type ZoneSummary } from './zone-view.js';

/** All zones, sorted by name; one whose record cannot be read has the status `corrupt`. */
export async function listZones(host: HostContext): Promise<ZoneSummary[]> {
  await settleDeadZones(host.roots);
  const { records, unreadable } = await scanZones(host.roots);
  const readable = await Promise.all(records.map((record) => summarize(host, record)));
  return [...readable, ...unreadable.map(summarizeUnreadable)].sort((a, b) => (a.name < b.name ? -1 : 1));
}
