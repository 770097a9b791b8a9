/**
 * Our nf_tables table, one per root, and what changes in it: everything that comes and goes (networks, ports) is an
 * element of a set, the rules stay. docs/internals/networking.md shows it as nft prints it.
 */
import { ipBytes, ipFromBytes, ipValueBytes, parseRange, rangeEnd } from '../spec/ip.js';
import type { FirewallOp, PortOp } from './ops.js';
import { be16, type NetlinkMessage, u8, u32 } from './wire/bytes.js';
import {
  addElements,
  type BaseChain,
  deleteElements,
  newChain,
  newRule,
  newSet,
  newTable,
  type SetDefinition,
  type SetElement,
} from './wire/nft.js';
import * as x from './wire/nft-expr.js';

const sets: readonly SetDefinition[] = [
  { name: 'bridges', key: ['ifname'] },
  { name: 'links', key: ['ifname', 'ifname'] },
  { name: 'opened4', key: ['ifname'] },
  { name: 'opened6', key: ['ifname'] },
  { name: 'ranges4', key: ['ipv4_addr'], interval: true },
  { name: 'ranges6', key: ['ipv6_addr'], interval: true },
  { name: 'ports4', key: ['inet_proto', 'ipv4_addr', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  { name: 'ports6', key: ['inet_proto', 'ipv6_addr', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
  { name: 'anyports4', key: ['inet_proto', 'inet_service'], data: ['ipv4_addr', 'inet_service'] },
  { name: 'anyports6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] },
  { name: 'claims4', key: ['inet_proto', 'ipv4_addr', 'inet_service', 'ipv4_addr', 'inet_service'] },
  { name: 'claims6', key: ['inet_proto', 'ipv6_addr', 'inet_service', 'ipv6_addr', 'inet_service'] },
];

const chains: readonly BaseChain[] = [
  { name: 'guard', type: 'filter', hook: 'prerouting', priority: -300 },
  { name: 'prerouting', type: 'nat', hook: 'prerouting', priority: -100 },
  { name: 'output', type: 'nat', hook: 'output', priority: -100 },
  { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: 100 },
  { name: 'forward', type: 'filter', hook: 'forward', priority: 0 },
];

const ifname = (name: string) => Buffer.concat([Buffer.from(name), Buffer.alloc(16 - name.length)]);
const NFPROTO = { ipv4: u8(2), ipv6: u8(10) } as const;
const RTN_LOCAL = 2;
const ctEstablishedOrRelated = 0x2 | 0x4;
const ctStatusDnat = 0x20;

const ipv4 = [x.meta('nfproto', x.reg1), x.cmp('eq', x.reg1, NFPROTO.ipv4)];
const ipv6 = [x.meta('nfproto', x.reg1), x.cmp('eq', x.reg1, NFPROTO.ipv6)];
const source4 = x.payload('network', { offset: 12, length: 4 }, x.reg1);
const source6 = x.payload('network', { offset: 8, length: 16 }, x.reg1);
const destination6 = x.payload('network', { offset: 24, length: 16 }, x.reg1);
const toOurBridge = [x.meta('oifname', x.reg1), x.lookup('bridges', x.reg1)];
const toElsewhere = [x.meta('oifname', x.reg1), x.lookupNot('bridges', x.reg1)];
const fromOurBridge = [x.meta('iifname', x.reg1), x.lookup('bridges', x.reg1)];
const bits = (key: 'state' | 'status', wanted: number) => [
  x.ct(key, x.reg1),
  x.mask(x.reg1, wanted),
  x.cmp('neq', x.reg1, u32(0)),
];
const published = bits('status', ctStatusDnat);
const toHost = [x.fibDestinationType(x.reg1), x.cmp('eq', x.reg1, u32(RTN_LOCAL))];
const loopbackBlock = u8(127);

const destinationPort = (register: number) => x.payload('transport', { offset: 2, length: 2 }, register);

/** protocol . address . port → zone. A 16-byte address fills a register of its own. */
const dnatRules: readonly (readonly x.Expression[])[] = [
  [
    ...ipv4,
    x.meta('l4proto', x.reg1),
    x.payload('network', { offset: 16, length: 4 }, x.r32(1)),
    destinationPort(x.r32(2)),
    x.lookupMap('ports4', x.reg1, x.reg1),
    x.dnat('ip', x.reg1, x.r32(1)),
  ],
  [
    ...ipv4,
    ...toHost,
    x.meta('l4proto', x.reg1),
    destinationPort(x.r32(1)),
    x.lookupMap('anyports4', x.reg1, x.reg1),
    x.dnat('ip', x.reg1, x.r32(1)),
  ],
  [
    ...ipv6,
    x.meta('l4proto', x.reg1),
    x.payload('network', { offset: 24, length: 16 }, x.r32(1)),
    destinationPort(x.r32(5)),
    x.lookupMap('ports6', x.reg1, x.reg1),
    x.dnat('ip6', x.reg1, x.reg2),
  ],
  [
    ...ipv6,
    // The kernel lets nothing from ::1 leave: better refused than lost.
    destination6,
    x.cmp('neq', x.reg1, ipBytes('::1')),
    ...toHost,
    x.meta('l4proto', x.reg1),
    destinationPort(x.r32(1)),
    x.lookupMap('anyports6', x.reg1, x.reg1),
    x.dnat('ip6', x.reg1, x.reg2),
  ],
];

const rules: Readonly<Record<string, readonly (readonly x.Expression[])[]>> = {
  // 127/8 never comes in from a wire. Without this, a neighbour (or a zone: route_localnet is on for the bridge)
  // could reach what is published on, or listens to, 127.0.0.1.
  guard: [
    [
      x.meta('iifname', x.reg1),
      x.cmp('neq', x.reg1, ifname('lo')),
      ...ipv4,
      x.payload('network', { offset: 16, length: 1 }, x.reg1),
      x.cmp('eq', x.reg1, loopbackBlock),
      x.verdict('drop'),
    ],
  ],
  prerouting: dnatRules,
  output: dnatRules,
  postrouting: [
    // From 127.0.0.1 to a published port: the zone could not answer that source.
    [
      ...ipv4,
      x.payload('network', { offset: 12, length: 1 }, x.reg1),
      x.cmp('eq', x.reg1, loopbackBlock),
      ...toOurBridge,
      x.masquerade(),
    ],
    [...ipv4, source4, x.lookup('ranges4', x.reg1), ...toElsewhere, x.masquerade()],
    [...ipv6, source6, x.lookup('ranges6', x.reg1), ...toElsewhere, x.masquerade()],
    // Zone → published port → zone of one network: the answer must come back this way.
    [...ipv4, source4, x.lookup('ranges4', x.reg1), ...published, x.masquerade()],
    [...ipv6, source6, x.lookup('ranges6', x.reg1), ...published, x.masquerade()],
  ],
  forward: [
    [...bits('state', ctEstablishedOrRelated), x.verdict('accept')],
    [...published, x.verdict('accept')],
    // Frames inside one bridge come along here if br_netfilter is on.
    [x.meta('iifname', x.reg1), x.meta('oifname', x.reg2), x.lookup('links', x.reg1), x.verdict('accept')],
    [...toOurBridge, x.verdict('drop')],
    [...fromOurBridge, x.verdict('accept')],
    // Where forwarding is on only because of us, the host is no router for others.
    [...ipv4, x.meta('iifname', x.reg1), x.lookup('opened4', x.reg1), x.verdict('drop')],
    [...ipv6, x.meta('iifname', x.reg1), x.lookup('opened6', x.reg1), x.verdict('drop')],
  ],
};

/** The whole table. One transaction; EEXIST if it is there. */
export function createTable(table: string): NetlinkMessage[] {
  return [
    newTable(table),
    ...sets.map((set, at) => newSet(table, set, at + 1)),
    ...chains.map((chain) => newChain(table, chain)),
    ...Object.entries(rules).flatMap(([chain, list]) => list.map((rule) => newRule(table, chain, rule))),
  ];
}

interface Placed {
  readonly set: string;
  readonly elements: readonly SetElement[];
}

function networkElements(op: FirewallOp): Placed[] {
  const name = ifname(op.bridge);
  return [
    { set: 'bridges', elements: [{ key: name }] },
    { set: 'links', elements: [{ key: Buffer.concat([name, name]) }] },
    ...op.ranges.map((text) => {
      const range = parseRange(text);
      if (range === undefined) throw new Error(`not a range: ${text}`);
      const { family, base } = range;
      return {
        set: `ranges${family}`,
        elements: [
          { key: ipValueBytes({ family, value: base }) },
          { key: ipValueBytes({ family, value: rangeEnd(range) }), intervalEnd: true },
        ],
      };
    }),
  ];
}

/** The network's elements; equal ones are left as they are. */
export function addNetwork(op: FirewallOp): NetlinkMessage[] {
  return networkElements(op).map(({ set, elements }) => addElements({ table: op.table, set }, elements));
}

export function removeNetwork(op: FirewallOp): NetlinkMessage[] {
  return networkElements(op).map(({ set, elements }) => deleteElements({ table: op.table, set }, elements));
}

/** In `bridges`: the last of addNetwork's transaction stands for all of it. */
export function bridgeKey(bridge: string): Buffer {
  return ifname(bridge);
}

/** Interfaces on which forwarding is on only because of us. Nothing for none: the kernel refuses an empty list. */
export function addOpened(table: string, family: 4 | 6, interfaces: readonly string[]): NetlinkMessage[] {
  if (interfaces.length === 0) return [];
  return [
    addElements(
      { table, set: `opened${family}` },
      interfaces.map((name) => ({ key: ifname(name) })),
    ),
  ];
}

export type PortKey = Pick<PortOp, 'protocol' | 'hostAddress' | 'hostPort' | 'zoneAddress' | 'zonePort'>;

const protocolNumbers = { tcp: 6, udp: 17 } as const;

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Parts of a concatenation begin at multiples of four bytes. */
function concat(...parts: Buffer[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.concat([part, Buffer.alloc((4 - (part.length % 4)) % 4)])));
}

function portElements(port: PortKey): { map: Placed; claim: Placed } {
  const family = port.hostAddress.includes(':') ? 6 : 4;
  const protocol = u8(protocolNumbers[port.protocol]);
  const host = ipBytes(port.hostAddress);
  const target = [ipBytes(port.zoneAddress), be16(port.zonePort)];
  const key = isWildcard(port.hostAddress)
    ? concat(protocol, be16(port.hostPort))
    : concat(protocol, host, be16(port.hostPort));
  const map = isWildcard(port.hostAddress) ? `anyports${family}` : `ports${family}`;
  return {
    map: { set: map, elements: [{ key, data: concat(...target) }] },
    claim: { set: `claims${family}`, elements: [{ key: concat(protocol, host, be16(port.hostPort), ...target) }] },
  };
}

/**
 * Publishes a port: its entry in the map that packets are looked up in, and a claim that says whose it is.
 * EEXIST if the host's side is taken.
 */
export function addPort(table: string, port: PortKey): NetlinkMessage[] {
  const { map, claim } = portElements(port);
  return [map, claim].map(({ set, elements }) => addElements({ table, set, exclusive: true }, elements));
}

/**
 * The reverse. The claim goes first: if it is not there (the port was given up, and may be another zone's by now), the
 * kernel refuses the whole transaction, so that this can be sent blindly when a zone has ended.
 */
export function removePort(table: string, port: PortKey): NetlinkMessage[] {
  const { map, claim } = portElements(port);
  return [claim, { ...map, elements: map.elements.map(({ key }) => ({ key })) }].map(({ set, elements }) =>
    deleteElements({ table, set }, elements),
  );
}

/** What a key of claims4 or claims6 says. */
export function decodeClaim(key: Buffer): PortKey {
  const size = key.length === 20 ? 4 : 16;
  return {
    protocol: key[0] === protocolNumbers.udp ? 'udp' : 'tcp',
    hostAddress: ipFromBytes(key.subarray(4, 4 + size)),
    hostPort: key.readUInt16BE(4 + size),
    zoneAddress: ipFromBytes(key.subarray(8 + size, 8 + 2 * size)),
    zonePort: key.readUInt16BE(8 + 2 * size),
  };
}
