/** `port list`: what the host answers for zones. */
import { publishedPorts } from '../netif/index.js';
import { formatPort, type PortSpec } from '../spec/index.js';
import { readZone, readZones, type ZoneRecord, zoneLeases } from '../state/index.js';
import type { HostContext } from './host-context.js';

export interface PublishedPort extends PortSpec {
  readonly zone: string;
  /** As it is written: `127.0.0.1:8080:80`. */
  readonly port: string;
  /** In force now: the zone runs. */
  readonly isActive: boolean;
}

/** Of one zone, or of all. @throws ZONE_NOT_FOUND */
export async function listPorts(host: HostContext, zone?: string): Promise<PublishedPort[]> {
  const records = zone === undefined ? await readZones(host.roots) : [await readZone(host.roots, zone)];
  const withPorts = records.filter((record) => record.spec.port.length > 0);
  if (withPorts.length === 0) return [];
  const active = await activePorts(host);
  const rows = await Promise.all(withPorts.map((record) => rowsOf(host, record, active)));
  return rows.flat();
}

type ActiveKey = `${string} ${string} ${number} ${string}`;

async function activePorts({ roots }: HostContext): Promise<Set<ActiveKey>> {
  const ports = await publishedPorts(roots);
  return new Set(ports.map((one) => activeKey(one.zoneAddress, one)));
}

function activeKey(zoneAddress: string, port: Pick<PortSpec, 'protocol' | 'hostAddress' | 'hostPort'>): ActiveKey {
  return `${port.protocol} ${port.hostAddress} ${port.hostPort} ${zoneAddress}`;
}

async function rowsOf({ roots }: HostContext, { spec }: ZoneRecord, active: Set<ActiveKey>): Promise<PublishedPort[]> {
  const addresses = (await zoneLeases(roots, spec.name)).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6 ?? '']);
  return spec.port.map((port) => ({
    zone: spec.name,
    ...port,
    port: formatPort(port),
    isActive: addresses.some((address) => active.has(activeKey(address, port))),
  }));
}
