/** Frames as a hostile zone would make them: bytes after the Ethernet header, each with a mark that makes it the only one of its kind. */
import { ipBytes } from '../../src/spec/ip.js';

export interface Frame {
  /** A sentence's end: "a zone cannot send …". */
  readonly what: string;
  readonly bytes: Buffer;
  /** What a receiver finds again: all behind the Ethernet header and its tags. */
  readonly payload: Buffer;
}

export interface FrameInput {
  readonly to: string;
  readonly from: string;
  readonly type: number;
  /** 802.1Q and 802.1ad tags, outermost first. */
  readonly tags?: readonly number[];
  readonly payload: Buffer;
}

const be16 = (value: number) => Buffer.from([value >> 8, value & 255]);
export const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex');

let count = 0;
/** Six bytes that no other frame of this process has. */
export function mark(): Buffer {
  count += 1;
  return Buffer.concat([Buffer.from('feedf0', 'hex'), be16(process.pid & 0xffff), Buffer.from([count & 255])]);
}

export function frame(what: string, { to, from, type, tags = [], payload }: FrameInput): Frame {
  const tagBytes = tags.map((tag) => Buffer.concat([be16(tag), be16(7)]));
  return { what, payload, bytes: Buffer.concat([macBytes(to), macBytes(from), ...tagBytes, be16(type), payload]) };
}

export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, dot1q: 0x8100, dot1ad: 0x88a8 } as const;

export interface ArpInput {
  readonly operation: 'request' | 'reply';
  readonly mac: string;
  readonly ip: string;
  readonly targetIp: string;
}

export function arp({ operation, mac, ip, targetIp }: ArpInput): Buffer {
  const op = operation === 'request' ? 1 : 2;
  const head = Buffer.from('0001080006040000', 'hex');
  head[7] = op;
  return Buffer.concat([head, macBytes(mac), ipBytes(ip), mark(), ipBytes(targetIp)]);
}

/** The Internet checksum. */
function checksum(...parts: Buffer[]): Buffer {
  const all = Buffer.concat([...parts, Buffer.alloc(parts.reduce((sum, part) => sum + part.length, 0) % 2)]);
  let sum = 0;
  for (let at = 0; at < all.length; at += 2) sum += all.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return be16(~sum & 0xffff);
}

export interface PacketInput {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly payload: Buffer;
}

export function ipv4({ from, to, protocol, payload }: PacketInput): Buffer {
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    be16(20 + payload.length),
    Buffer.from([0, 0, 0, 0, 255, protocol, 0, 0]),
    ipBytes(from),
    ipBytes(to),
  ]);
  checksum(head).copy(head, 10);
  return Buffer.concat([head, payload]);
}

export function ipv6({ from, to, protocol, payload }: PacketInput): Buffer {
  const head = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), be16(payload.length), Buffer.from([protocol, 255])]);
  return Buffer.concat([head, ipBytes(from), ipBytes(to), payload]);
}

export const protocols = { igmp: 2, udp: 17, fragment: 44, icmpv6: 58, destinationOptions: 60 } as const;

export function udp(fromPort: number, toPort: number): Buffer {
  const text = mark();
  // Without a checksum (allowed in IPv4; nobody looks at it in IPv6 before it is delivered).
  return Buffer.concat([be16(fromPort), be16(toPort), be16(8 + text.length), be16(0), text]);
}

/** An ICMPv6 message in its packet; `options` are extension headers before it. */
export function icmpv6(
  from: string,
  to: string,
  message: Buffer,
  before: { header: number; bytes: Buffer }[] = [],
): Buffer {
  const whole = Buffer.from(message);
  whole.fill(0, 2, 4);
  const pseudo = Buffer.concat([
    ipBytes(from),
    ipBytes(to),
    Buffer.from([0, 0, 0, whole.length, 0, 0, 0, protocols.icmpv6]),
  ]);
  checksum(pseudo, whole).copy(whole, 2);
  const headers = before.map(({ bytes }, at) => {
    const copy = Buffer.from(bytes);
    copy[0] = before[at + 1]?.header ?? protocols.icmpv6;
    return copy;
  });
  const payload = Buffer.concat([...headers, whole]);
  return ipv6({ from, to, protocol: before[0]?.header ?? protocols.icmpv6, payload });
}

const linkLayerOption = (type: number, mac: string) => Buffer.concat([Buffer.from([type, 1]), macBytes(mac)]);

export interface NeighbourInput {
  readonly target: string;
  /** In the option; without: no option. */
  readonly mac?: string;
}

export function solicitation({ target, mac }: NeighbourInput): Buffer {
  const option = mac === undefined ? [] : [linkLayerOption(1, mac)];
  return Buffer.concat([Buffer.from([135, 0, 0, 0]), mark().subarray(2), ipBytes(target), ...option]);
}

/** Unasked for, overriding. */
export function advertisement({ target, mac }: NeighbourInput): Buffer {
  const option = mac === undefined ? [] : [linkLayerOption(2, mac)];
  return Buffer.concat([Buffer.from([136, 0, 0, 0, 0x20]), mark().subarray(3), ipBytes(target), ...option]);
}

/** Half an hour of being the default router. */
export function routerAdvertisement(mac: string): Buffer {
  const head = Buffer.from([134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0]);
  return Buffer.concat([head, mark().subarray(2), linkLayerOption(1, mac)]);
}

export function redirect(target: string, destination: string): Buffer {
  return Buffer.concat([Buffer.from([137, 0, 0, 0]), mark().subarray(2), ipBytes(target), ipBytes(destination)]);
}

/** Eight bytes that mean nothing (PadN). */
export const destinationOptions = {
  header: protocols.destinationOptions,
  bytes: Buffer.from([0, 0, 1, 4, 0, 0, 0, 0]),
};

/** MLD query for all groups. */
export function listenerQuery(): Buffer {
  return Buffer.concat([Buffer.from([130, 0, 0, 0, 0, 1]), mark().subarray(4), Buffer.alloc(16)]);
}

/** The link-local address that follows from a MAC. */
export function linkLocal(mac: string): string {
  const bytes = [...macBytes(mac)];
  bytes[0] = (bytes[0] ?? 0) ^ 2;
  const eui = [...bytes.slice(0, 3), 0xff, 0xfe, ...bytes.slice(3)];
  const groups = [0, 2, 4, 6].map((at) => (((eui[at] ?? 0) << 8) | (eui[at + 1] ?? 0)).toString(16));
  return `fe80::${groups.join(':')}`;
}
