/** `list`. */
import { type Lease, leasesByZone, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { lookAtZones, type ZoneLook } from './look-at-zones.js';
import { summarize, summarizeUnreadable, type ZoneNow, type ZoneSummary } from './zone-view.js';

/** All zones, sorted by name; one whose record cannot be read has the status `corrupt`. */
export async function listZones(host: HostContext): Promise<ZoneSummary[]> {
  const { readable, unreadable } = await lookAtZones(host);
  const leasesOf = leasesByZone(host.roots);
  const summaries = readable.map((look) => summaryOf(look, leasesOf(look.record.spec.name)));
  if (unreadable.length === 0) return summaries;
  return [...summaries, ...unreadable.map(summarizeUnreadable)].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Summaries, with what they were made of. Of thousands of zones few are another than in the list before. */
const made = new WeakMap<ZoneRecord, ZoneNow & { readonly summary: ZoneSummary }>();

function summaryOf({ record, running, status }: ZoneLook, leases: readonly Lease[]): ZoneSummary {
  const known = made.get(record);
  if (known?.running === running && known?.status === status && known.leases === leases) return known.summary;
  const summary = summarize(record, { running, status, leases });
  made.set(record, { running, status, leases, summary });
  return summary;
}
