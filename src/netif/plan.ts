/** From leases to ops: pure. Host side before the launch, host side with the pid, zone side, and when the zone ends. */
import { zoneError } from '../errors/index.js';
import type { EnterOp } from '../helper/protocol.js';
import type { PortSpec } from '../spec/index.js';
import { parseRange } from '../spec/ip.js';
import type { Lease, NetworkRecord, Roots } from '../state/index.js';
import { netlinkProtocols } from './client.js';
import { tableName } from './names.js';
import type { BridgeOp, FirewallOp, NetOp, PortOp, Source, VethOp } from './ops.js';
import { removePort } from './ruleset.js';
import { encodeMessage, type NetlinkMessage } from './wire/bytes.js';
import { encodeBatch } from './wire/nft.js';
import { newAddress, newDefaultRoute, setLinkUp } from './wire/route.js';

export interface ZoneInterface {
  readonly network: NetworkRecord;
  readonly lease: Lease;
  /** From allocateVethName, new for each start. */
  readonly vethName: string;
  /** From randomMac, new for each start. */
  readonly hostMac: string;
  /** The network's if not given. */
  readonly mtu?: number | undefined;
}

export interface ZoneNetworkInput {
  readonly roots: Roots;
  /** The first one gets the default routes and the ports. */
  readonly interfaces: readonly ZoneInterface[];
  readonly ports: readonly PortSpec[];
}

export interface ZoneNetworkPlan {
  readonly prepare: readonly NetOp[];
  readonly attach: readonly VethOp[];
  readonly enter: readonly EnterOp[];
  readonly exit: readonly EnterOp[];
  /** The zone's addresses, without prefix, the first interface's first. */
  readonly addresses: readonly string[];
}

/** @throws USAGE_BAD_ARGUMENT a port cannot be published as asked */
export function planZoneNetwork(input: ZoneNetworkInput): ZoneNetworkPlan {
  const { roots, interfaces } = input;
  const networks = [...new Map(interfaces.map(({ network }) => [network.name, network])).values()];
  const ports = planPorts(input);
  return {
    prepare: [...networks.flatMap((network) => planNetwork(roots, network, sourcesOn(network, interfaces))), ...ports],
    attach: interfaces.map((one, position) => planVeth(one, position, 0)),
    enter: [send(loopbackUp, ...interfaces.flatMap(insideMessages))],
    exit: ports.map((port) => ({
      op: 'exit.nl',
      protocol: String(netlinkProtocols.netfilter),
      hex: encodeBatch(removePort(port.table, port), 1).toString('hex'),
    })),
    addresses: interfaces.flatMap(({ lease }) => (lease.ipv6 === undefined ? [lease.ipv4] : [lease.ipv4, lease.ipv6])),
  };
}

/** `lo` up: all that a zone without a network needs. */
export function planLoopback(): EnterOp[] {
  return [send(loopbackUp)];
}

const loopbackUp = setLinkUp({ index: 1 });

function sourcesOn(network: NetworkRecord, interfaces: readonly ZoneInterface[]): Source[] {
  return interfaces
    .filter((one) => one.network.name === network.name)
    .map(({ lease: { mac, ipv4, ipv6 } }) => ({ mac, ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) }));
}

/** What a network needs on the host. Applying it again changes nothing. */
export function planNetwork(roots: Roots, network: NetworkRecord, sources: readonly Source[] = []): NetOp[] {
  const table = tableName(roots.instance);
  return [
    bridgeOp(network),
    firewallOp(roots, network, sources),
    { op: 'net.forward', roots, table, ipv6: network.range6 !== undefined },
  ];
}

function bridgeOp(network: NetworkRecord): BridgeOp {
  const addresses = [
    withPrefix(network.gateway4, network.range4),
    ...(network.gateway6 === undefined ? [] : [withPrefix(network.gateway6, network.range6)]),
  ];
  return { op: 'net.bridge', name: network.bridge, mac: network.bridgeMac, mtu: network.mtu, addresses };
}

export function firewallOp(roots: Roots, network: NetworkRecord, sources: readonly Source[] = []): FirewallOp {
  const ranges = [network.range4, ...(network.range6 === undefined ? [] : [network.range6])];
  return { op: 'net.nft', roots, table: tableName(roots.instance), bridge: network.bridge, ranges, sources };
}

function withPrefix(address: string, range: string | undefined): string {
  return `${address}/${parseRange(range ?? '')?.prefix ?? ''}`;
}

/** Above what a kernel with tunnel modules makes in every new namespace (tunl0, sit0, …). */
const zoneIndex = (position: number) => 100 + position;

function planVeth({ network, lease, vethName, hostMac, mtu }: ZoneInterface, position: number, pid: number): VethOp {
  return {
    op: 'net.veth',
    pid,
    hostName: vethName,
    hostMac,
    peerName: lease.interfaceName,
    peerIndex: zoneIndex(position),
    peerMac: lease.mac,
    bridge: network.bridge,
    mtu: mtu ?? network.mtu,
  };
}

function insideMessages({ network, lease }: ZoneInterface, position: number): NetlinkMessage[] {
  const index = zoneIndex(position);
  const gateways = position > 0 ? [] : [network.gateway4, ...(lease.ipv6 === undefined ? [] : [network.gateway6])];
  return [
    newAddress(index, withPrefix(lease.ipv4, network.range4)),
    ...(lease.ipv6 === undefined ? [] : [newAddress(index, withPrefix(lease.ipv6, network.range6))]),
    setLinkUp({ index }),
    ...gateways.filter((gateway) => gateway !== undefined).map((gateway) => newDefaultRoute(index, gateway)),
  ];
}

/** In one datagram: a socket for each would cost a start more than what they do. */
function send(...messages: NetlinkMessage[]): EnterOp {
  const bytes = Buffer.concat(messages.map((message, at) => encodeMessage(message, at + 1)));
  return { op: 'nl.send', protocol: String(netlinkProtocols.route), hex: bytes.toString('hex') };
}

function planPorts({ roots, interfaces, ports }: ZoneNetworkInput): PortOp[] {
  return ports.map((port) => planPort(roots, interfaces[0]?.lease, port));
}

/** @throws USAGE_BAD_ARGUMENT the zone has no address of that family, or it is ::1 */
export function planPort(roots: Roots, lease: Lease | undefined, port: PortSpec): PortOp {
  const { protocol, hostAddress, hostPort, zonePort } = port;
  const zoneAddress = hostAddress.includes(':') ? lease?.ipv6 : lease?.ipv4;
  if (zoneAddress === undefined || hostAddress === '::1') {
    throw zoneError('USAGE_BAD_ARGUMENT', `port "${hostPort}" cannot be published on "${hostAddress}"`, {
      hint:
        hostAddress === '::1'
          ? `Publish it on 127.0.0.1: -p ${hostPort}:${zonePort} (the kernel does not forward from ::1).`
          : 'Give the zone an interface on a network with such addresses: --net bridge=default',
      context: { hostAddress, hostPort },
    });
  }
  const table = tableName(roots.instance);
  return { op: 'net.port', roots, table, protocol, hostAddress, hostPort, zoneAddress, zonePort };
}
