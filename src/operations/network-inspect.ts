/** `network inspect`: a network, who has which address of it, and what may be in its packets' way. */
import { foreignForwardDrops, isBridgeUp } from '../netif/index.js';
import { findNetwork, type Lease, readForwardingFile, readNetworks } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { type NetworkSummary, summarizeNetwork } from './network-list.js';

export interface NetworkDetails extends NetworkSummary {
  readonly gateway4: string;
  readonly gateway6?: string;
  readonly createdAt: string;
  /** The bridge is there and up: from the first start of a zone on it. */
  readonly isUp: boolean;
  readonly leases: readonly Lease[];
  /** Settings of the host that are otherwise for the networks' sake: `net.ipv4.conf.eth0.forwarding = 1 (was 0)`. */
  readonly hostSettings: readonly string[];
  /** Sentences: other firewalls that drop what zones send. */
  readonly warnings: readonly string[];
}

/** @throws NETWORK_NOT_FOUND */
export async function inspectNetwork({ roots }: HostContext, name: string): Promise<NetworkDetails> {
  const file = await readNetworks(roots);
  const network = findNetwork(file, name);
  const { bridge, gateway4, gateway6 } = network;
  return {
    ...summarizeNetwork(network, file.leases),
    gateway4,
    ...(gateway6 === undefined ? {} : { gateway6 }),
    createdAt: new Date(network.createdAtMs).toISOString(),
    isUp: isBridgeUp(bridge),
    leases: file.leases.filter((lease) => lease.network === name),
    hostSettings: (await readForwardingFile()).sysctls.map(
      ({ key, before, set }) => `${key.replaceAll('/', '.')} = ${set} (was ${before})`,
    ),
    warnings: (await foreignForwardDrops()).map((where) => dropWarning(where, bridge)),
  };
}

function dropWarning(where: string, bridge: string): string {
  return (
    `"${where}" drops forwarded packets that it does not know; if zones reach nothing outside, let them pass there: ` +
    `iptables -I FORWARD -i ${bridge} -j ACCEPT; iptables -I FORWARD -o ${bridge} -j ACCEPT`
  );
}
