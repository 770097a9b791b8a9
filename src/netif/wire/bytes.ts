/**
 * Netlink on the wire (netlink(7)): messages with a 16-byte header, attributes with a 4-byte header, all aligned to 4.
 * Header fields are in the machine's byte order; nf_tables attributes are in network order, so both are here.
 */
import { endianness } from 'node:os';

const little = endianness() === 'LE';

/** What is sent; the sequence number is given when it is encoded. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

export interface NetlinkReply extends NetlinkMessage {
  readonly sequence: number;
}

export const NLM_F = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

export const NLMSG = { error: 2, done: 3 } as const;

const headerLength = 16;
const nestedFlag = 0x8000;
const attributeTypeMask = 0x3fff;

export function u8(...values: number[]): Buffer {
  return Buffer.from(values);
}

/** Machine order. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  if (little) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

/** Machine order. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (little) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** Network order. */
export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Network order; negative numbers as two's complement. */
export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** With the NUL that the kernel wants. */
export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

export function readU16(bytes: Buffer, offset = 0): number {
  return little ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset);
}

export function readU32(bytes: Buffer, offset = 0): number {
  return little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

export function readI32(bytes: Buffer, offset = 0): number {
  return readU32(bytes, offset) | 0;
}

function pad4(bytes: Buffer): Buffer {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - rest)]);
}

/** One attribute, padded. */
export function attribute(type: number, ...payload: Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  return pad4(Buffer.concat([u16(body.length + 4), u16(type), body]));
}

/** An attribute that holds attributes, with NLA_F_NESTED as newer parsers want it. */
export function nested(type: number, ...children: Buffer[]): Buffer {
  return attribute(type | nestedFlag, ...children);
}

/** One message. The sender's port is left to the kernel. */
export function encodeMessage(message: NetlinkMessage, sequence: number): Buffer {
  const length = headerLength + message.body.length;
  return pad4(Buffer.concat([u32(length), u16(message.type), u16(message.flags), u32(sequence), u32(0), message.body]));
}

/** All messages of a datagram. A header that does not fit ends the list: the kernel does not send such a thing. */
export function decodeMessages(datagram: Buffer): NetlinkReply[] {
  const messages: NetlinkReply[] = [];
  let offset = 0;
  while (offset + headerLength <= datagram.length) {
    const length = readU32(datagram, offset);
    if (length < headerLength || offset + length > datagram.length) break;
    messages.push({
      type: readU16(datagram, offset + 4),
      flags: readU16(datagram, offset + 6),
      sequence: readU32(datagram, offset + 8),
      body: datagram.subarray(offset + headerLength, offset + length),
    });
    offset += (length + 3) & ~3;
  }
  return messages;
}

/** Attributes of one level, by type; of several of one type the last (lists: attributeList). */
export function decodeAttributes(bytes: Buffer): Map<number, Buffer> {
  return new Map(attributeList(bytes));
}

/** Attributes of one level, in order. */
export function attributeList(bytes: Buffer): [number, Buffer][] {
  const list: [number, Buffer][] = [];
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const length = readU16(bytes, offset);
    if (length < 4 || offset + length > bytes.length) break;
    list.push([readU16(bytes, offset + 2) & attributeTypeMask, bytes.subarray(offset + 4, offset + length)]);
    offset += (length + 3) & ~3;
  }
  return list;
}

/** Text up to the first NUL. */
export function readCstring(bytes: Buffer | undefined): string {
  if (bytes === undefined) return '';
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString();
}
