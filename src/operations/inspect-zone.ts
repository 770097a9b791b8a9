/** `inspect` and `status`: everything about one zone; status adds what it uses now. */
import { readZone } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { describeZone, statusView, type ZoneDetails, type ZoneStatusView } from './zone-view.js';

/** @throws ZONE_NOT_FOUND */
export async function inspectZone(host: HostContext, name: string): Promise<ZoneDetails> {
  return describeZone(host, await readZone(host.roots, name));
}

/** @throws ZONE_NOT_FOUND */
export async function zoneStatus(host: HostContext, name: string): Promise<ZoneStatusView> {
  return statusView(host, await readZone(host.roots, name));
}
