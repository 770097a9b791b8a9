/** `network list`. */
import { type Lease, type NetworkRecord, readNetworks } from '../state/index.js';
import type { HostContext } from './host-context.js';

export interface NetworkSummary {
  readonly name: string;
  readonly bridge: string;
  readonly range4: string;
  readonly range6?: string;
  readonly mtu: number;
  /** Those that have an address of it, running or not; sorted. */
  readonly zones: readonly string[];
}

export async function listNetworks({ roots }: HostContext): Promise<NetworkSummary[]> {
  const { networks, leases } = await readNetworks(roots);
  return networks.map((network) => summarizeNetwork(network, leases));
}

export function summarizeNetwork(network: NetworkRecord, leases: readonly Lease[]): NetworkSummary {
  const { name, bridge, range4, range6, mtu } = network;
  const mine = leases.filter((lease) => lease.network === name).map((lease) => lease.zone);
  return { name, bridge, range4, ...(range6 === undefined ? {} : { range6 }), mtu, zones: [...new Set(mine)].sort() };
}
