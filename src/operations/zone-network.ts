/** A zone's interfaces: networks made sure of, addresses leased, and what a start does about them. */
import {
  allocateVethName,
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
import { leaseAddresses, type Roots, readNetworks, type StateOp, type ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';

/** Op of `create`: addresses are the zone's from its first day. Networks have to exist by then. */
export function planAddressLease(roots: Roots, { name, net }: ZoneSpec): StateOp[] {
  if (net.kind !== 'bridge') return [];
  return [{ op: 'state.addresses-lease', roots, zone: name, interfaces: net.interfaces }];
}

/** @throws NETWORK_NOT_FOUND */
export async function ensureNetworks(roots: Roots, { net }: ZoneSpec): Promise<void> {
  if (net.kind !== 'bridge') return;
  for (const one of net.interfaces) await ensureNetwork(roots, one.network);
}

/** What the start has to do. Leases are sticky: this only draws new ones after the interfaces were changed. */
export async function attachNetworks({ roots }: HostContext, { spec }: ZoneRecord): Promise<NetworkPart> {
  const { net, name, port } = spec;
  const nothing = { prepare: [], attach: () => [], exit: [], addresses: [], notes: [] };
  if (net.kind === 'none') return { ...nothing, enter: planLoopback(), resolvConf: undefined };
  const { text: resolvConf, warning } = await findResolvConf({
    dns: spec.dns,
    search: spec.dnsSearch,
    hostNetwork: net.kind === 'host',
  });
  const warnings = warning === undefined ? [] : [warning];
  if (net.kind === 'host') return { ...nothing, enter: [], resolvConf, notes: warnings };
  const interfaces: ZoneInterface[] = [];
  for (const one of net.interfaces) interfaces.push(await prepareInterface(roots, name, one));
  const notes = [...warnings, ...forwardingNotes(interfaces)];
  return { ...planZoneNetwork({ roots, interfaces, ports: port }), resolvConf, notes };
}

/** Only a start that brings its network up changes settings of the host. */
function forwardingNotes(interfaces: readonly ZoneInterface[]): readonly string[] {
  const fresh = interfaces.map(({ network }) => network).filter(({ bridge }) => !isBridgeUp(bridge));
  return fresh.length === 0 ? [] : readForwarding(fresh.some(({ range6 }) => range6 !== undefined)).notes;
}

async function prepareInterface(roots: Roots, zone: string, one: InterfaceSpec): Promise<ZoneInterface> {
  const network = await ensureNetwork(roots, one.network);
  const wish = { interfaceName: one.name, mac: one.mac, ip: one.ip, ip6: one.ip6 };
  return {
    network,
    lease: await leaseAddresses(roots, one.network, zone, wish),
    vethName: await allocateVethName(roots.instance),
    hostMac: randomMac(),
    mtu: one.mtu,
  };
}

/** Addresses that the zone holds, IPv4 first. */
export async function addressesOf({ roots }: Pick<HostContext, 'roots'>, { spec }: ZoneRecord): Promise<string[]> {
  if (spec.net.kind !== 'bridge') return [];
  const { leases } = await readNetworks(roots);
  const mine = leases.filter((lease) => lease.zone === spec.name);
  return mine.flatMap(({ ipv4, ipv6 }) => (ipv6 === undefined ? [ipv4] : [ipv4, ipv6]));
}
