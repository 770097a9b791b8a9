/** IP addresses and ranges as numbers: parsing, printing, and what contains what. */
import { isIPv4, isIPv6 } from 'node:net';

export type IpFamily = 4 | 6;

export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** `address/prefix`; `base` is the first address of the range. */
export interface IpRange {
  readonly family: IpFamily;
  readonly base: bigint;
  readonly prefix: number;
}

const bitsOf = (family: IpFamily) => (family === 4 ? 32 : 128);

/** @returns the address, or `undefined` if the text is none (a zone index such as `%eth0` is refused, too) */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 4, value: valueV4(text) };
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: valueV6(text) };
  return undefined;
}

function valueV4(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function valueV6(text: string): bigint {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const v4 = valueV4(tail?.[2] ?? '0.0.0.0');
  const plain = tail === null ? text : `${tail[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const [head = '', rest] = plain.split('::');
  const groups = (part: string | undefined) => (part === undefined || part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(rest);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** The canonical text; IPv6 as RFC 5952 wants it: lower case, the longest run of zero groups as `::`. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  const run = longestZeroRun(groups);
  if (run === undefined) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.end).join(':')}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; end: number } | undefined {
  let best: { start: number; end: number } | undefined;
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === '0') end += 1;
    if (end - start >= 2 && end - start > (best === undefined ? 0 : best.end - best.start)) best = { start, end };
  }
  return best;
}

/** Network byte order: 4 or 16 bytes. @throws Error if the text is no address (a caller's bug) */
export function ipBytes(text: string): Buffer {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`not an IP address: ${text}`);
  return ipValueBytes(address);
}

export function ipValueBytes({ family, value }: IpAddress): Buffer {
  return Buffer.from(value.toString(16).padStart(bitsOf(family) / 4, '0'), 'hex');
}

/** The reverse of ipBytes, for 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): string {
  return formatIp({ family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`) });
}

/** `address/prefix`, or an address alone (then a range of one). */
export function parseRange(text: string): IpRange | undefined {
  const [addressText = '', prefixText, ...more] = text.split('/');
  const address = parseIp(addressText);
  if (address === undefined || more.length > 0) return undefined;
  const bits = bitsOf(address.family);
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if ((prefixText !== undefined && !/^\d+$/.test(prefixText)) || prefix > bits) return undefined;
  const hostBits = BigInt(bits - prefix);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, prefix };
}

export function formatRange(range: IpRange): string {
  return `${formatIp({ family: range.family, value: range.base })}/${range.prefix}`;
}

/** One past the last address. */
export function rangeEnd(range: IpRange): bigint {
  return range.base + (1n << BigInt(bitsOf(range.family) - range.prefix));
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.family === b.family && a.base < rangeEnd(b) && b.base < rangeEnd(a);
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  return range.family === address.family && range.base <= address.value && address.value < rangeEnd(range);
}

/** The address at an offset in a range: 1 is the first usable one. */
export function addressAt(range: IpRange, offset: bigint | number): string {
  return formatIp({ family: range.family, value: range.base + BigInt(offset) });
}
