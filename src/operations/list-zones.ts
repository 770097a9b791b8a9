/** `list`. */
import { readZones } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { summarize, type ZoneSummary } from './zone-view.js';

/** All zones, sorted by name. */
export async function listZones(host: HostContext): Promise<ZoneSummary[]> {
  return Promise.all((await readZones(host.roots)).map((record) => summarize(host, record)));
}
