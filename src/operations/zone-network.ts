/** A zone's interfaces: networks made sure of, addresses leased, and what a start does about them. */
import {
  addNetwork,
  allocateVethName,
  defaultNetwork,
  ensureNetwork,
  findResolvConf,
  isBridgeUp,
  planLoopback,
  planZoneNetwork,
  randomMac,
  readForwarding,
  type ZoneInterface,
} from '../netif/index.js';
import type { NetworkPart } from '../plan/index.js';
import type { InterfaceSpec, ZoneSpec } from '../spec/index.js';
import {
  addLease,
  findNetwork,
  type Lease,
  leaseAddresses,
  type Networks,
  type Roots,
  readNetworks,
  type StateOp,
  type ZoneRecord,
} from '../state/index.js';
import type { HostContext } from './host-context.js';

/** Op of `create`: addresses are the zone's from its first day. Networks have to exist by then. */
export function planAddressLease(roots: Roots, { name, net, ephemeral }: ZoneSpec): StateOp[] {
  if (net.kind !== 'bridge') return [];
  const life = ephemeral ? ({ ephemeral } as const) : {};
  return [{ op: 'state.addresses-lease', roots, zone: name, interfaces: net.interfaces, ...life }];
}

/** @throws NETWORK_NOT_FOUND */
export async function ensureNetworks(roots: Roots, { net }: ZoneSpec): Promise<void> {
  if (net.kind !== 'bridge') return;
  for (const one of net.interfaces) await ensureNetwork(roots, one.network);
}

/** From a wish to an interface with its network and its lease. */
export type InterfaceSource = (
  roots: Roots,
  zone: Pick<ZoneSpec, 'name' | 'ephemeral'>,
  one: InterfaceSpec,
) => Promise<ZoneInterface>;

/** What the start has to do. Leases are sticky: this only draws new ones after the interfaces were changed. */
export async function attachNetworks(
  { roots }: HostContext,
  { spec }: ZoneRecord,
  source: InterfaceSource = prepareInterface,
): Promise<NetworkPart> {
  const { net, port } = spec;
  const nothing = { prepare: [], attach: [], exit: [], addresses: [], notes: [] };
  if (net.kind === 'none') return { ...nothing, enter: planLoopback(), resolvConf: undefined };
  const { text: resolvConf, warning } = await findResolvConf({
    dns: spec.dns,
    search: spec.dnsSearch,
    hostNetwork: net.kind === 'host',
  });
  const warnings = warning === undefined ? [] : [warning];
  if (net.kind === 'host') return { ...nothing, enter: [], resolvConf, notes: warnings };
  const interfaces: ZoneInterface[] = [];
  for (const one of net.interfaces) interfaces.push(await source(roots, spec, one));
  const notes = [...warnings, ...forwardingNotes(interfaces)];
  return { ...planZoneNetwork({ roots, interfaces, ports: port }), resolvConf, notes };
}

/** Only a start that brings its network up changes settings of the host. */
function forwardingNotes(interfaces: readonly ZoneInterface[]): readonly string[] {
  const fresh = interfaces.map(({ network }) => network).filter(({ bridge }) => !isBridgeUp(bridge));
  return fresh.length === 0 ? [] : readForwarding(fresh.some(({ range6 }) => range6 !== undefined)).notes;
}

const prepareInterface: InterfaceSource = async (roots, { name, ephemeral }, one) => {
  const network = await ensureNetwork(roots, one.network);
  const wish = { ...wishOf(one), ephemeral: ephemeral || undefined };
  return interfaceOf(roots, one, { network, lease: await leaseAddresses(roots, one.network, name, wish) });
};

/** The same as it would be: nothing is written. */
export function previewInterfaces(): InterfaceSource {
  let preview: Networks | undefined;
  return async (roots, zone, one) => {
    let file = preview ?? (await readNetworks(roots));
    const isMissing = one.network === defaultNetwork && !file.networks.some(({ name }) => name === one.network);
    if (isMissing) [file] = addNetwork(roots, file, { name: one.network });
    const [next, lease] = addLease(file, one.network, zone.name, wishOf(one));
    preview = next;
    return interfaceOf(roots, one, { network: findNetwork(file, one.network), lease });
  };
}

/** What an interface asks of its network. */
export const wishOf = ({ name, mac, ip, ip6 }: InterfaceSpec) => ({ interfaceName: name, mac, ip, ip6 });

async function interfaceOf(
  roots: Roots,
  one: InterfaceSpec,
  given: Pick<ZoneInterface, 'network' | 'lease'>,
): Promise<ZoneInterface> {
  return {
    ...given,
    vethName: await allocateVethName(roots.instance),
    hostMac: randomMac(),
    mtu: one.mtu,
  };
}

/** Addresses that the zone holds, IPv4 first. Pure. */
export function addressesOf({ spec }: ZoneRecord, leases: readonly Lease[]): string[] {
  if (spec.net.kind !== 'bridge') return [];
  return leases.flatMap(({ ipv4, ipv6 }) => (ipv6 === undefined ? [ipv4] : [ipv4, ipv6]));
}
