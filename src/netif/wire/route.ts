/** rtnetlink(7) messages: links, addresses, routes. Pure: they return what is to be sent. */
import { ipBytes, parseIp } from '../../spec/ip.js';
import {
  attribute,
  cstring,
  decodeAttributes,
  type NetlinkMessage,
  type NetlinkReply,
  NLM_F,
  readCstring,
  readU32,
  u8,
  u16,
  u32,
} from './bytes.js';

const RTM = { newLink: 16, delLink: 17, getLink: 18, newAddress: 20, newRoute: 24, newNeighbour: 28 } as const;
const IFLA = {
  address: 1,
  ifname: 3,
  mtu: 4,
  master: 10,
  linkInfo: 18,
  netNsPid: 19,
  alias: 20,
  afSpec: 26,
  txQueues: 31,
  rxQueues: 32,
} as const;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFLA_INFO = { kind: 1, data: 2, slaveData: 5 } as const;
const IFLA_BR_MCAST_SNOOPING = 23;
const IFLA_BRPORT = { learning: 8, unicastFlood: 9, groupForwardMask: 31, locked: 39 } as const;
const NDA_LLADDR = 2;
/** Static, as iproute2 writes it: NUD_NOARP and NUD_REACHABLE. */
const NUD_STATIC = 0x42;
const NTF_MASTER = 4;
/** All of 01:80:c2:00:00:00-0f but 01, which no bridge forwards. */
const linkLocalGroups = 0xfffd;
const VETH_INFO_PEER = 1;
const IFA = { address: 1, local: 2, broadcast: 4 } as const;
const RTA = { oif: 4, gateway: 5 } as const;
const AF = { unspec: 0, inet: 2, bridge: 7, inet6: 10 } as const;
const IFF_UP = 1;
const IFA_F_NODAD = 2;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

const acked = NLM_F.request | NLM_F.ack;
const created = acked | NLM_F.create | NLM_F.excl;

/** struct ifinfomsg. `change` is the mask of the flags that are meant. */
function linkHeader(index: number, flags: number, change: number): Buffer {
  return Buffer.concat([u8(AF.unspec, 0), u16(0), u32(index), u32(flags), u32(change)]);
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

/**
 * A bridge, down. It does not follow who listens to which multicast group: nobody asks the zones (there is no querier), so that it
 * would send to all anyway; and it would go through all ports for each one that comes or goes.
 */
export function newBridge(bridge: { name: string; mac: string; mtu: number }): NetlinkMessage {
  const body = Buffer.concat([
    linkHeader(0, 0, 0),
    attribute(IFLA.address, macBytes(bridge.mac)),
    attribute(IFLA.mtu, u32(bridge.mtu)),
    attribute(IFLA.ifname, cstring(bridge.name)),
    attribute(
      IFLA.linkInfo,
      attribute(IFLA_INFO.kind, Buffer.from('bridge')),
      attribute(IFLA_INFO.data, attribute(IFLA_BR_MCAST_SNOOPING, u8(0))),
    ),
  ]);
  return { type: RTM.newLink, flags: created, body };
}

export interface VethPair {
  readonly hostName: string;
  /** Chosen by us: veth.c honours the peer's index only if this one is given, too. */
  readonly hostIndex: number;
  readonly hostMac: string;
  /** Index of the bridge. */
  readonly master: number;
  readonly mtu: number;
  readonly peerName: string;
  readonly peerIndex: number;
  readonly peerMac: string;
  /** In whose net namespace the peer appears, down: up in this message is ENOTCONN. */
  readonly peerPid: number;
}

/** Without it the kernel makes a queue, with its files in sysfs, for each possible CPU, then waits twice for all CPUs to take all but one back. */
const oneQueue = [attribute(IFLA.txQueues, u32(1)), attribute(IFLA.rxQueues, u32(1))];

/** Both ends in one message: the host's up and in the bridge, the peer in the namespace of a process. */
export function newVeth(pair: VethPair): NetlinkMessage {
  const peer = [
    linkHeader(pair.peerIndex, 0, 0),
    attribute(IFLA.address, macBytes(pair.peerMac)),
    attribute(IFLA.mtu, u32(pair.mtu)),
    attribute(IFLA.netNsPid, u32(pair.peerPid)),
    attribute(IFLA.ifname, cstring(pair.peerName)),
    ...oneQueue,
  ];
  const body = Buffer.concat([
    linkHeader(pair.hostIndex, IFF_UP, IFF_UP),
    attribute(IFLA.address, macBytes(pair.hostMac)),
    attribute(IFLA.mtu, u32(pair.mtu)),
    attribute(IFLA.master, u32(pair.master)),
    attribute(IFLA.ifname, cstring(pair.hostName)),
    ...oneQueue,
    attribute(
      IFLA.linkInfo,
      attribute(IFLA_INFO.kind, Buffer.from('veth')),
      attribute(IFLA_INFO.data, attribute(VETH_INFO_PEER, ...peer)),
    ),
  ]);
  return { type: RTM.newLink, flags: created, body };
}

/**
 * A bridge's port, after the message that made it (the kernel does not take these there). Locked: what does not come from a MAC that the
 * bridge has been told of (newBridgeEntry) is dropped. Nothing is learnt, and no frame whose owner is unknown goes there. Frames for
 * 01:80:c2:00:00:0x are bridged like others: otherwise the host would take them as its own, past every filter of the bridge.
 *
 * A link that only carries others' packets gives itself no IPv6 address: with a thousand of them, each one's announcements would go to all.
 */
export function setBridgePort(index: number, hasIpv6: boolean): NetlinkMessage {
  const settings = [
    attribute(IFLA_BRPORT.learning, u8(0)),
    attribute(IFLA_BRPORT.unicastFlood, u8(0)),
    attribute(IFLA_BRPORT.groupForwardMask, u16(linkLocalGroups)),
    attribute(IFLA_BRPORT.locked, u8(1)),
  ];
  const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, u8(IN6_ADDR_GEN_MODE_NONE));
  const body = Buffer.concat([
    linkHeader(index, 0, 0),
    attribute(IFLA.linkInfo, attribute(IFLA_INFO.slaveData, ...settings)),
    ...(hasIpv6 ? [attribute(IFLA.afSpec, attribute(AF.inet6, mode))] : []),
  ]);
  return { type: RTM.newLink, flags: acked, body };
}

/** Tells a bridge which MAC is behind a port of it. It moves if it was behind another (a zone's last one, which is still going); it goes with the port. */
export function newBridgeEntry(index: number, mac: string): NetlinkMessage {
  const header = Buffer.concat([u8(AF.bridge, 0), u16(0), u32(index), u16(NUD_STATIC), u8(NTF_MASTER, 0)]);
  const body = Buffer.concat([header, attribute(NDA_LLADDR, macBytes(mac))]);
  return { type: RTM.newNeighbour, flags: acked | NLM_F.create | NLM_F.replace, body };
}

/** Sets a link up; `alias` and `mtu` if given. */
export function setLinkUp(link: { index: number; alias?: string; mtu?: number }): NetlinkMessage {
  const body = Buffer.concat([
    linkHeader(link.index, IFF_UP, IFF_UP),
    ...(link.mtu === undefined ? [] : [attribute(IFLA.mtu, u32(link.mtu))]),
    ...(link.alias === undefined ? [] : [attribute(IFLA.alias, cstring(link.alias))]),
  ]);
  return { type: RTM.newLink, flags: acked, body };
}

export function deleteLink(index: number): NetlinkMessage {
  return { type: RTM.delLink, flags: acked, body: linkHeader(index, 0, 0) };
}

/** Asks for one link by its name: ENODEV if there is none. */
export function getLink(name: string): NetlinkMessage {
  const body = Buffer.concat([linkHeader(0, 0, 0), attribute(IFLA.ifname, cstring(name))]);
  return { type: RTM.getLink, flags: acked, body };
}

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly alias: string;
  /** Index of the bridge that it belongs to; 0: none. */
  readonly master: number;
}

/** An RTM_NEWLINK message as it comes back from getLink. */
export function decodeLink(reply: NetlinkReply): Link {
  const attributes = decodeAttributes(reply.body.subarray(16));
  const number = (type: number) => {
    const bytes = attributes.get(type);
    return bytes === undefined ? 0 : readU32(bytes);
  };
  return {
    index: readU32(reply.body, 4),
    name: readCstring(attributes.get(IFLA.ifname)),
    mac: (attributes.get(IFLA.address) ?? Buffer.alloc(0)).toString('hex').replace(/(..)(?=.)/g, '$1:'),
    mtu: number(IFLA.mtu),
    up: (readU32(reply.body, 8) & IFF_UP) !== 0,
    alias: readCstring(attributes.get(IFLA.alias)),
    master: number(IFLA.master),
  };
}

/** `address/prefix` on a link; without duplicate address detection, because the leases are unique. */
export function newAddress(index: number, cidr: string): NetlinkMessage {
  const [address = '', prefixText] = cidr.split('/');
  const prefix = Number(prefixText);
  const family = parseIp(address)?.family;
  const bytes = ipBytes(address);
  const header = Buffer.concat([
    u8(family === 4 ? AF.inet : AF.inet6, prefix, family === 4 ? 0 : IFA_F_NODAD, 0),
    u32(index),
  ]);
  const attributes = [attribute(IFA.local, bytes), attribute(IFA.address, bytes)];
  if (family === 4) attributes.push(attribute(IFA.broadcast, broadcastOf(bytes, prefix)));
  return { type: RTM.newAddress, flags: created, body: Buffer.concat([header, ...attributes]) };
}

function broadcastOf(bytes: Buffer, prefix: number): Buffer {
  const hostMask = prefix === 32 ? 0 : 0xffffffff >>> prefix;
  const broadcast = Buffer.alloc(4);
  broadcast.writeUInt32BE((bytes.readUInt32BE(0) | hostMask) >>> 0);
  return broadcast;
}

/** The default route of the gateway's family. */
export function newDefaultRoute(index: number, gateway: string): NetlinkMessage {
  const family = parseIp(gateway)?.family === 4 ? AF.inet : AF.inet6;
  const body = Buffer.concat([
    u8(family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST),
    u32(0),
    attribute(RTA.gateway, ipBytes(gateway)),
    attribute(RTA.oif, u32(index)),
  ]);
  return { type: RTM.newRoute, flags: created, body };
}
