/**
 * Our nf_tables table of family bridge: what the bridge takes from a zone's port. The port itself lets only one MAC through
 * (wire/route.ts, setBridgePort); here, each MAC has its addresses. docs/internals/networking.md shows it as nft prints it.
 */
import { ipBytes } from '../spec/ip.js';
import { portPrefix } from './names.js';
import type { Source } from './ops.js';
import { be16, type NetlinkMessage, u8 } from './wire/bytes.js';
import {
  addElements,
  deleteTable,
  forBridges,
  getElement,
  newChain,
  newRule,
  newSet,
  renewTable,
  type SetDefinition,
} from './wire/nft.js';
import * as x from './wire/nft-expr.js';

const sets: readonly SetDefinition[] = [
  { name: 'sources4', key: ['ether_addr', 'ipv4_addr'] },
  { name: 'sources6', key: ['ether_addr', 'ipv6_addr'] },
];
const chain = 'sources';
/** Before br_netfilter (0), whose packets the host's other tables see. */
const priority = -300;

const etherType = (type: number) => [
  x.payload('link', { offset: 12, length: 2 }, x.reg1),
  x.cmp('eq', x.reg1, be16(type)),
];
const ipv4 = etherType(0x0800);
const arp = etherType(0x0806);
const ipv6 = etherType(0x86dd);

const sender = x.payload('link', { offset: 6, length: 6 }, x.reg1);
const arpSender = x.payload('network', { offset: 8, length: 6 }, x.reg1);
const accept = x.verdict('accept');
const drop = x.verdict('drop');

/** The MAC in register 1, the address beside it. Two MACs that both have the address are the same one. */
const owns4 = (mac: x.Expression, offset: number) => [
  mac,
  x.payload('network', { offset, length: 4 }, x.r32(2)),
  x.lookup('sources4', x.reg1),
];
const owns6 = (mac: x.Expression, base: 'network' | 'transport', offset: number) => [
  mac,
  x.payload(base, { offset, length: 16 }, x.r32(2)),
  x.lookup('sources6', x.reg1),
];
const ownSource4 = owns4(sender, 12);
const ownSource6 = owns6(sender, 'network', 8);

const protocol = { igmp: 2, udp: 17, icmpv6: 58 } as const;
const isProtocol = (number: number) => [x.meta('l4proto', x.reg1), x.cmp('eq', x.reg1, u8(number))];
const isNotProtocol = (number: number) => [x.meta('l4proto', x.reg1), x.cmp('neq', x.reg1, u8(number))];
const portBytes = x.payload('transport', { offset: 0, length: 2 }, x.reg1);
const icmpv6 = (type: number) => [
  ...isProtocol(protocol.icmpv6),
  x.payload('transport', { offset: 0, length: 1 }, x.reg1),
  x.cmp('eq', x.reg1, u8(type)),
];

/** Neighbour discovery without extension headers, of this length: payload length and next header stand side by side. */
const exactly = (length: number) => [
  x.payload('network', { offset: 4, length: 3 }, x.reg1),
  x.cmp('eq', x.reg1, Buffer.concat([be16(length), u8(protocol.icmpv6)])),
];
const [withoutOption, withOption] = [24, 32];
/** One option, of one unit of eight bytes: a MAC. */
const option = (type: number) => [
  x.payload('transport', { offset: 24, length: 2 }, x.reg1),
  x.cmp('eq', x.reg1, u8(type, 1)),
];
const optionMac = x.payload('transport', { offset: 26, length: 6 }, x.reg1);
const [sourceLinkLayer, targetLinkLayer] = [1, 2];
const [solicitation, advertisement] = [135, 136];

/** Errors and echo. No router advertisement, redirect or group membership: zones are no routers, and nobody asks who listens. */
const harmlessIcmpv6 = [1, 2, 3, 4, 128, 129];

const rules4: readonly (readonly x.Expression[])[] = [
  // Answers of a DHCP server.
  [...ipv4, ...isProtocol(protocol.udp), portBytes, x.cmp('eq', x.reg1, be16(67)), drop],
  [...ipv4, ...isNotProtocol(protocol.igmp), ...ownSource4, accept],
  [
    ...arp,
    // Ethernet, IPv4, their lengths.
    x.payload('network', { offset: 0, length: 6 }, x.reg1),
    x.cmp('eq', x.reg1, Buffer.from('000108000604', 'hex')),
    ...owns4(arpSender, 14),
    ...owns4(sender, 14),
    accept,
  ],
];

/** Each loads what it asks for: where a packet is cut, or hides it behind headers, none accepts. */
const rules6: readonly (readonly x.Expression[])[] = [
  [...ipv6, ...isNotProtocol(protocol.udp), ...isNotProtocol(protocol.icmpv6), ...ownSource6, accept],
  // Everything but answers of a DHCPv6 server.
  [...ipv6, ...isProtocol(protocol.udp), portBytes, x.cmp('neq', x.reg1, be16(547)), ...ownSource6, accept],
  // Fragments but the first: without it, which has to show what it is, they are nothing.
  [
    ...ipv6,
    x.extensionHeader(44, { offset: 2, length: 2 }, x.reg1),
    x.maskBytes(x.reg1, be16(0xfff8)),
    x.cmp('neq', x.reg1, be16(0)),
    ...ownSource6,
    accept,
  ],
  ...harmlessIcmpv6.map((type) => [...ipv6, ...icmpv6(type), ...ownSource6, accept]),
  [...ipv6, ...icmpv6(solicitation), ...exactly(withoutOption), ...ownSource6, accept],
  [
    ...ipv6,
    ...icmpv6(solicitation),
    ...exactly(withOption),
    ...option(sourceLinkLayer),
    ...owns6(optionMac, 'network', 8),
    ...ownSource6,
    accept,
  ],
  [
    ...ipv6,
    ...icmpv6(advertisement),
    ...exactly(withoutOption),
    ...owns6(sender, 'transport', 8),
    ...ownSource6,
    accept,
  ],
  [
    ...ipv6,
    ...icmpv6(advertisement),
    ...exactly(withOption),
    ...option(targetLinkLayer),
    ...owns6(optionMac, 'transport', 8),
    ...owns6(sender, 'transport', 8),
    ...ownSource6,
    accept,
  ],
];

const rulesFor = (instance: string): readonly (readonly x.Expression[])[] => [
  [x.meta('iifname', x.reg1), x.cmp('neq', x.reg1, Buffer.from(portPrefix(instance))), accept],
  ...rules4,
  ...rules6,
  // Other kinds of frames, VLAN tags among them.
  [drop],
];

/** Makes the table anew with these sources alone. */
export function renewSourceTable(table: string, instance: string, sources: readonly Source[]): NetlinkMessage[] {
  return [
    ...forBridges([
      ...renewTable(table),
      ...sets.map((set, at) => newSet(table, set, at + 1)),
      newChain(table, { name: chain, type: 'filter', hook: 'prerouting', priority }),
      ...rulesFor(instance).map((rule) => newRule(table, chain, rule)),
    ]),
    ...(sources.length === 0 ? [] : placeSources(table, sources, false)),
  ];
}

/** EEXIST if one of the MACs is known, be it with the same addresses or others. */
export function addSources(table: string, sources: readonly Source[]): NetlinkMessage[] {
  return placeSources(table, sources, true);
}

function placeSources(table: string, sources: readonly Source[], exclusive: boolean): NetlinkMessage[] {
  const own6 = sources.filter(({ ipv6 }) => ipv6 !== undefined).map(({ mac, ipv6 }) => pair(mac, ipv6 ?? ''));
  return forBridges([
    // What follows from the MAC stands for it.
    addElements(
      { table, set: 'sources6', exclusive },
      sources.map(({ mac }) => ({ key: Buffer.concat([macKey(mac), linkLocalBytes(mac)]) })),
    ),
    addElements(
      { table, set: 'sources4' },
      sources.map(({ mac, ipv4 }) => ({ key: pair(mac, ipv4) })),
    ),
    ...(own6.length === 0
      ? []
      : [
          addElements(
            { table, set: 'sources6' },
            own6.map((key) => ({ key })),
          ),
        ]),
  ]);
}

/** Asks for each: ENOENT if one is missing. */
export function askForSources(table: string, sources: readonly Source[]): NetlinkMessage[] {
  return forBridges(
    sources.flatMap(({ mac, ipv4, ipv6 }) => [
      getElement({ table, set: 'sources4' }, pair(mac, ipv4)),
      ...(ipv6 === undefined ? [] : [getElement({ table, set: 'sources6' }, pair(mac, ipv6))]),
    ]),
  );
}

export function deleteSourceTable(table: string): NetlinkMessage[] {
  return forBridges([deleteTable(table)]);
}

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');

/** In a concatenation each part begins at a multiple of four bytes. */
const macKey = (mac: string) => Buffer.concat([macBytes(mac), Buffer.alloc(2)]);

const pair = (mac: string, address: string) => Buffer.concat([macKey(mac), ipBytes(address)]);

/** RFC 4291, appendix A: the MAC with ff:fe in its middle and the universal bit turned over. */
function linkLocalBytes(mac: string): Buffer {
  const [first = 0, ...rest] = macBytes(mac);
  return Buffer.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]);
}
