/** Names that are global to the kernel. All carry the root's instance id; a link's has at most 15 characters. */
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';

export function bridgeName(instance: string, number: number | ''): string {
  return `tz${instance}b${number}`;
}

export function tableName(instance: string): string {
  return `tszone_${instance}`;
}

/** A table that some root of tszone made. */
export function isOwnTable(name: string): boolean {
  return /^tszone_[0-9a-f]{6}$/.test(name);
}

/** A bridge or veth that some root of tszone made: never an uplink. */
export function isOwnLink(name: string): boolean {
  return /^tz[0-9a-f]{6}[bv][0-9a-z]+$/.test(name);
}

/** With this begin the names of the host's ends of a root's veth pairs, and no other links'. */
export function portPrefix(instance: string): string {
  return `tz${instance}v`;
}

/** The host's end of a zone's veth pair. */
export function isPort(name: string): boolean {
  return /^tz[0-9a-f]{6}v/.test(name);
}

/**
 * A name for the host's end of a veth pair: `tz<instance>v<index>`, the link's index in base 36. Both are drawn anew for
 * every start, because the old link may live on for some 30 ms after its zone.
 */
export function allocateVethName(instance: string): string {
  for (;;) {
    // Far above what the kernel counts up to, below 2^31 (and so at most 6 characters).
    const name = `${portPrefix(instance)}${randomInt(0x100_0000, 0x7fff_ffff).toString(36)}`;
    if (!existsSync(`/sys/class/net/${name}`)) return name;
  }
}

/** The index that goes with a name of allocateVethName. */
export function vethIndex(name: string): number {
  return Number.parseInt(name.slice(name.indexOf('v') + 1), 36);
}

/** Locally administered, unicast. */
export function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return bytes.toString('hex').replace(/(..)(?=.)/g, '$1:');
}
