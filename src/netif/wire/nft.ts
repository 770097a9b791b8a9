/** nf_tables messages (nfnetlink subsystem 10), each for one object; a batch makes them one transaction. */
import {
  attribute,
  attributeList,
  be16,
  be32,
  cstring,
  decodeAttributes,
  encodeMessage,
  type NetlinkMessage,
  type NetlinkReply,
  NLM_F,
  nested,
  readCstring,
  u8,
  u32,
} from './bytes.js';
import type { Expression } from './nft-expr.js';

const subsystem = 10;
const NFPROTO = { inet: 1, bridge: 7 } as const;
const BATCH = { begin: 0x10, end: 0x11 } as const;
const NFT_MSG = {
  newTable: 0,
  delTable: 2,
  newChain: 3,
  getChain: 4,
  newRule: 6,
  newSet: 9,
  newElements: 12,
  getElements: 13,
  delElements: 14,
} as const;
const CHAIN = { table: 1, name: 3, hook: 4, policy: 5, type: 7 } as const;
const SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  dataType: 6,
  dataLength: 7,
  id: 10,
  userData: 13,
} as const;
const ELEMENTS = { table: 1, set: 2, list: 3 } as const;
const ELEMENT = { key: 1, data: 2, flags: 3 } as const;
const setFlags = { interval: 4, map: 8 } as const;
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

function message(type: number, flags: number, ...attributes: Buffer[]): NetlinkMessage {
  const body = Buffer.concat([u8(NFPROTO.inet, 0), be16(0), ...attributes]);
  return { type: (subsystem << 8) | type, flags: NLM_F.request | flags, body };
}

/** The same for a table of family bridge, which has names of its own: of frames, as its ports get them. */
export function forBridges(messages: readonly NetlinkMessage[]): NetlinkMessage[] {
  return messages.map((one) => ({ ...one, body: Buffer.concat([u8(NFPROTO.bridge), one.body.subarray(1)]) }));
}

/** EEXIST if it is there: everything after it in the batch is then not done either. */
export function newTable(table: string): NetlinkMessage {
  return message(NFT_MSG.newTable, NLM_F.create | NLM_F.excl, attribute(1, cstring(table)));
}

/** Empty, whether it was there or not; in a batch nobody sees it missing. */
export function renewTable(table: string): NetlinkMessage[] {
  const ensured = message(NFT_MSG.newTable, NLM_F.create, attribute(1, cstring(table)));
  return [ensured, deleteTable(table), newTable(table)];
}

export function deleteTable(table: string): NetlinkMessage {
  return message(NFT_MSG.delTable, 0, attribute(1, cstring(table)));
}

export interface BaseChain {
  readonly name: string;
  readonly type: 'filter' | 'nat';
  readonly hook: keyof typeof hooks;
  readonly priority: number;
}

/** With policy accept. */
export function newChain(table: string, chain: BaseChain): NetlinkMessage {
  return message(
    NFT_MSG.newChain,
    NLM_F.create,
    attribute(CHAIN.table, cstring(table)),
    attribute(CHAIN.name, cstring(chain.name)),
    nested(CHAIN.hook, attribute(1, be32(hooks[chain.hook])), attribute(2, be32(chain.priority))),
    attribute(CHAIN.policy, be32(1)),
    attribute(CHAIN.type, cstring(chain.type)),
  );
}

/** Appended to its chain. */
export function newRule(table: string, chain: string, expressions: readonly Expression[]): NetlinkMessage {
  return message(
    NFT_MSG.newRule,
    NLM_F.create | NLM_F.append,
    attribute(1, cstring(table)),
    attribute(2, cstring(chain)),
    nested(4, ...expressions),
  );
}

/** nft's numbers for its types: the kernel only keeps them, `nft list` prints by them. */
const dataTypes = {
  ipv4_addr: { id: 7, length: 4 },
  ipv6_addr: { id: 8, length: 16 },
  ether_addr: { id: 9, length: 6 },
  inet_proto: { id: 12, length: 1 },
  inet_service: { id: 13, length: 2 },
  ifname: { id: 41, length: 16 },
} as const;
export type DataType = keyof typeof dataTypes;

export interface SetDefinition {
  readonly name: string;
  readonly key: readonly DataType[];
  /** Given: a map. */
  readonly data?: readonly DataType[];
  readonly interval?: boolean;
}

export function newSet(table: string, set: SetDefinition, id: number): NetlinkMessage {
  const flags = (set.interval === true ? setFlags.interval : 0) | (set.data === undefined ? 0 : setFlags.map);
  return message(
    NFT_MSG.newSet,
    NLM_F.create,
    attribute(SET.table, cstring(table)),
    attribute(SET.name, cstring(set.name)),
    attribute(SET.flags, be32(flags)),
    attribute(SET.keyType, be32(typeId(set.key))),
    attribute(SET.keyLength, be32(registerLength(set.key))),
    ...(set.data === undefined
      ? []
      : [attribute(SET.dataType, be32(typeId(set.data))), attribute(SET.dataLength, be32(registerLength(set.data)))]),
    attribute(SET.id, be32(id)),
    attribute(SET.userData, byteOrders(set)),
  );
}

/** A concatenation packs six bits a type. */
function typeId(types: readonly DataType[]): number {
  return types.reduce((id, type) => (id << 6) | dataTypes[type].id, 0);
}

/** Each part starts at a 4-byte register; a part alone keeps its own length. */
function registerLength(types: readonly DataType[]): number {
  const only = types.length === 1 ? types[0] : undefined;
  if (only !== undefined) return dataTypes[only].length;
  return types.reduce((sum, type) => sum + ((dataTypes[type].length + 3) & ~3), 0);
}

/** nft's own note (type, length, value) on how key and data are to be printed: 1 machine order, 2 network order. */
function byteOrders(set: SetDefinition): Buffer {
  const order = (types: readonly DataType[]) => (types.length > 1 ? 0 : types[0] === 'ifname' ? 1 : 2);
  const note = (type: number, value: number) => Buffer.concat([u8(type, 4), u32(value)]);
  return Buffer.concat([note(0, order(set.key)), ...(set.data === undefined ? [] : [note(1, order(set.data))])]);
}

export interface SetElement {
  readonly key: Buffer;
  readonly data?: Buffer;
  /** In an interval set: this key is one past the end of the range that began before it. */
  readonly intervalEnd?: boolean;
}

function elementMessage(
  type: number,
  flags: number,
  where: { table: string; set: string },
  elements: readonly SetElement[],
): NetlinkMessage {
  const encoded = elements.map((element) =>
    nested(
      1,
      ...(element.intervalEnd === true ? [attribute(ELEMENT.flags, be32(1))] : []),
      nested(ELEMENT.key, attribute(1, element.key)),
      ...(element.data === undefined ? [] : [nested(ELEMENT.data, attribute(1, element.data))]),
    ),
  );
  return message(
    type,
    flags,
    attribute(ELEMENTS.table, cstring(where.table)),
    attribute(ELEMENTS.set, cstring(where.set)),
    ...(encoded.length === 0 ? [] : [nested(ELEMENTS.list, ...encoded)]),
  );
}

/** `exclusive`: EEXIST if the key is taken; otherwise an equal element is left as it is. */
export function addElements(
  where: { table: string; set: string; exclusive?: boolean },
  elements: readonly SetElement[],
): NetlinkMessage {
  const flags = NLM_F.create | (where.exclusive === true ? NLM_F.excl : 0);
  return elementMessage(NFT_MSG.newElements, flags, where, elements);
}

/** ENOENT if a key is not there: then nothing of the batch is done. The kernel compares keys only, never data. */
export function deleteElements(where: { table: string; set: string }, elements: readonly SetElement[]): NetlinkMessage {
  return elementMessage(NFT_MSG.delElements, 0, where, elements);
}

/** Asks whether a key is in a set: ENOENT if not, or if there is no such set or table. */
export function getElement(where: { table: string; set: string }, key: Buffer): NetlinkMessage {
  return elementMessage(NFT_MSG.getElements, NLM_F.ack, where, [{ key }]);
}

/** All elements of a set; decodeElements reads the replies. */
export function dumpElements(where: { table: string; set: string }): NetlinkMessage {
  return elementMessage(NFT_MSG.getElements, NLM_F.dump, where, []);
}

export function decodeElements(replies: readonly NetlinkReply[]): SetElement[] {
  return replies.flatMap((reply) => {
    const list = decodeAttributes(reply.body.subarray(4)).get(ELEMENTS.list);
    return attributeList(list ?? Buffer.alloc(0)).map(([, bytes]) => {
      const parts = decodeAttributes(bytes);
      const value = (type: number) => decodeAttributes(parts.get(type) ?? Buffer.alloc(0)).get(1);
      const data = value(ELEMENT.data);
      return { key: value(ELEMENT.key) ?? Buffer.alloc(0), ...(data === undefined ? {} : { data }) };
    });
  });
}

/** All chains of all tables and families. */
export function dumpChains(): NetlinkMessage {
  const body = Buffer.concat([u8(0, 0), be16(0)]);
  return { type: (subsystem << 8) | NFT_MSG.getChain, flags: NLM_F.request | NLM_F.dump, body };
}

export interface ChainInfo {
  readonly table: string;
  readonly name: string;
  readonly hook: number | undefined;
  readonly policy: 'accept' | 'drop' | undefined;
}

export const forwardHook = hooks.forward;

export function decodeChain(reply: NetlinkReply): ChainInfo {
  const attributes = decodeAttributes(reply.body.subarray(4));
  const hook = decodeAttributes(attributes.get(CHAIN.hook) ?? Buffer.alloc(0)).get(1);
  const policy = attributes.get(CHAIN.policy)?.readUInt32BE(0);
  return {
    table: readCstring(attributes.get(CHAIN.table)),
    name: readCstring(attributes.get(CHAIN.name)),
    hook: hook?.readUInt32BE(0),
    policy: policy === undefined ? undefined : policy === 0 ? 'drop' : 'accept',
  };
}

/**
 * One datagram, one transaction: all or nothing. Only the last message asks for an ack (errors come for every message
 * anyway), so that a large batch cannot overrun the receive buffer.
 */
export function encodeBatch(messages: readonly NetlinkMessage[], firstSequence: number): Buffer {
  const edge = (type: number): NetlinkMessage => ({
    type,
    flags: NLM_F.request,
    body: Buffer.concat([u8(0, 0), be16(subsystem)]),
  });
  const last = messages.length - 1;
  const inner = messages.map((one, at) => (at === last ? { ...one, flags: one.flags | NLM_F.ack } : one));
  const all = [edge(BATCH.begin), ...inner, edge(BATCH.end)];
  return Buffer.concat(all.map((one, at) => encodeMessage(one, firstSequence + at)));
}
