/**
 * nf_tables expressions: the little machine's instructions that a rule is made of (linux/netfilter/nf_tables.h). The
 * names follow `nft --debug=netlink`, so that a rule here can be read beside what nft makes of the same sentence.
 */
import { attribute, be32, cstring, nested, u8, u32 } from './bytes.js';

/** 16-byte registers 1-4, 4-byte ones 8-23; `r32(0)` is the first quarter of register 1. */
export const reg1 = 1;
export const reg2 = 2;
export const r32 = (quarter: number) => 8 + quarter;

export type Expression = Buffer;

const DATA = { value: 1, verdict: 2 } as const;
const listElement = 1;

function expression(name: string, ...attributes: Buffer[]): Expression {
  return nested(listElement, attribute(1, cstring(name)), nested(2, ...attributes));
}

function number(type: number, value: number): Buffer {
  return attribute(type, be32(value));
}

function value(type: number, bytes: Uint8Array): Buffer {
  return nested(type, attribute(DATA.value, bytes));
}

const metaKeys = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;

export function meta(key: keyof typeof metaKeys, dreg: number): Expression {
  return expression('meta', number(2, metaKeys[key]), number(1, dreg));
}

const payloadBases = { link: 0, network: 1, transport: 2 } as const;

export function payload(
  base: keyof typeof payloadBases,
  where: { offset: number; length: number },
  dreg: number,
): Expression {
  return expression(
    'payload',
    number(1, dreg),
    number(2, payloadBases[base]),
    number(3, where.offset),
    number(4, where.length),
  );
}

/** Goes on with the rule if the register (not) equals the bytes. */
export function cmp(operation: 'eq' | 'neq', sreg: number, bytes: Uint8Array): Expression {
  return expression('cmp', number(1, sreg), number(2, operation === 'eq' ? 0 : 1), value(3, bytes));
}

/** Goes on if the key is in the set. */
export function lookup(set: string, sreg: number): Expression {
  return expression('lookup', attribute(1, cstring(set)), number(2, sreg));
}

export function lookupNot(set: string, sreg: number): Expression {
  return expression('lookup', attribute(1, cstring(set)), number(2, sreg), number(5, 1));
}

/** Goes on if the key is in the map, with its value in a register. */
export function lookupMap(map: string, sreg: number, dreg: number): Expression {
  return expression('lookup', attribute(1, cstring(map)), number(2, sreg), number(3, dreg));
}

/** reg = reg & mask, 32 bits in the machine's order. */
export function mask(reg: number, bits: number): Expression {
  return maskBytes(reg, u32(bits));
}

/** reg = reg & mask, as many bytes as the mask has. */
export function maskBytes(reg: number, bytes: Uint8Array): Expression {
  const zero = Buffer.alloc(bytes.length);
  return expression(
    'bitwise',
    number(1, reg),
    number(2, reg),
    number(3, bytes.length),
    value(4, bytes),
    value(5, zero),
  );
}

/** Bytes of an IPv6 extension header, named by its number; the rule ends where a packet has none. */
export function extensionHeader(header: number, where: { offset: number; length: number }, dreg: number): Expression {
  return expression(
    'exthdr',
    number(1, dreg),
    attribute(2, u8(header)),
    number(3, where.offset),
    number(4, where.length),
  );
}

const ctKeys = { state: 0, status: 2 } as const;

export function ct(key: keyof typeof ctKeys, dreg: number): Expression {
  return expression('ct', number(2, ctKeys[key]), number(1, dreg));
}

/** The type (RTN_LOCAL, …) of the destination address, as the host routes it. */
export function fibDestinationType(dreg: number): Expression {
  const [resultAddressType, flagDestination] = [3, 2];
  return expression('fib', number(1, dreg), number(2, resultAddressType), number(3, flagDestination));
}

export function dnat(family: 'ip' | 'ip6', addressReg: number, portReg: number): Expression {
  const [typeDnat, nfprotoIpv4, nfprotoIpv6] = [1, 2, 10];
  return expression(
    'nat',
    number(1, typeDnat),
    number(2, family === 'ip' ? nfprotoIpv4 : nfprotoIpv6),
    number(3, addressReg),
    number(5, portReg),
  );
}

export function masquerade(): Expression {
  return expression('masq');
}

export function verdict(name: 'accept' | 'drop'): Expression {
  const code = name === 'accept' ? 1 : 0;
  return expression('immediate', number(1, 0), nested(2, nested(DATA.verdict, number(1, code))));
}
