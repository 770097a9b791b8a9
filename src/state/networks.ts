/** Ranges of networks and the addresses that they lend to zones. */
import { createHash, randomBytes } from 'node:crypto';
import { zoneError } from '../errors/index.js';
import {
  addressAt,
  formatIp,
  formatRange,
  type IpRange,
  parseIp,
  parseRange,
  rangeContains,
  rangeEnd,
  rangesOverlap,
} from '../spec/ip.js';
import { nearest } from '../spec/nearest.js';
import { type Lease, type NetworkRecord, type NetworksFile, readNetworks, updateNetworks } from './networks-file.js';
import type { Roots } from './roots.js';

/** @throws NETWORK_NOT_FOUND with the nearest name */
export function findNetwork(file: NetworksFile, name: string): NetworkRecord {
  const found = file.networks.find((network) => network.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    file.networks.map((network) => network.name),
  );
  throw zoneError('NETWORK_NOT_FOUND', `network "${name}" does not exist`, {
    hint:
      near === undefined
        ? `Make it first: tszone network create ${name}`
        : `Did you mean "${near}"? See "tszone network list".`,
    context: { network: name, ...(near === undefined ? {} : { nearest: near }) },
  });
}

/** A private /16 that overlaps nothing. Roots begin at different ones, so that two of them seldom want the same. */
export function chooseRange4(instance: string, used: readonly IpRange[]): IpRange {
  const first = 88;
  const count = 256 - first;
  const start = Number.parseInt(instance, 16) % count;
  for (let step = 0; step < count; step += 1) {
    const candidate = parseRange(`10.${first + ((start + step) % count)}.0.0/16`);
    if (candidate !== undefined && !used.some((range) => rangesOverlap(range, candidate))) return candidate;
  }
  throw zoneError('RESOURCE_ADDRESSES_EXHAUSTED', 'no private IPv4 range is free for a new network', {
    hint: 'Give one that this host does not use: tszone network create NAME --ip4 172.30.0.0/16',
  });
}

/** A unique local /64 (RFC 4193): fd, 40 random bits, subnet 0. */
export function chooseRange6(): IpRange {
  const global = BigInt(`0x${randomBytes(5).toString('hex')}`);
  return { family: 6, base: (0xfdn << 120n) | (global << 80n), prefix: 64 };
}

/** What is asked for an interface; addresses with or without a prefix. */
export interface LeaseWish {
  readonly interfaceName?: string | undefined;
  readonly mac?: string | undefined;
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  /** The zone does not outlive this boot. */
  readonly ephemeral?: true | undefined;
}

/**
 * Addresses for one interface of a zone. Sticky: the same wish gives the same lease until releaseAddresses.
 *
 * @throws NETWORK_NOT_FOUND · NETWORK_ADDRESS_IN_USE another zone has it · USAGE_BAD_ARGUMENT it is not one of the
 * network's · RESOURCE_ADDRESSES_EXHAUSTED
 */
export async function leaseAddresses(
  roots: Roots,
  network: string,
  zone: string,
  wish: LeaseWish = {},
): Promise<Lease> {
  const known = heldLease(await readNetworks(roots), network, zone, wish);
  if (known !== undefined) return known;
  return updateNetworks(roots, (file) => addLease(file, network, zone, wish));
}

/** The file with the lease in it; pure. @throws as leaseAddresses */
export function addLease(
  file: NetworksFile,
  network: string,
  zone: string,
  wish: LeaseWish,
): readonly [NetworksFile, Lease] {
  const held = heldLease(file, network, zone, wish);
  if (held !== undefined) return [file, held];
  const interfaceName = wish.interfaceName ?? 'eth0';
  const previous = file.leases.find((lease) => lease.zone === zone && lease.interfaceName === interfaceName);
  const others = file.leases.filter((lease) => lease !== previous);
  const keep = previous?.network === network ? previous : undefined;
  const lease = makeLease(findNetwork(file, network), others, { zone, interfaceName, wish, keep });
  return [{ ...file, leases: [...others, lease] }, lease];
}

const bare = (text: string | undefined) => {
  const address = text === undefined ? undefined : parseIp(text.replace(/\/\d+$/, ''));
  return address === undefined ? undefined : formatIp(address);
};

function heldLease(file: NetworksFile, network: string, zone: string, wish: LeaseWish): Lease | undefined {
  const fits = (wanted: string | undefined, held: string | undefined) => wanted === undefined || wanted === held;
  return file.leases.find(
    (lease) =>
      lease.zone === zone &&
      lease.network === network &&
      lease.interfaceName === (wish.interfaceName ?? 'eth0') &&
      fits(bare(wish.ip), lease.ipv4) &&
      fits(bare(wish.ip6), lease.ipv6) &&
      fits(wish.mac?.toLowerCase(), lease.mac),
  );
}

interface LeaseRequest {
  readonly zone: string;
  readonly interfaceName: string;
  readonly wish: LeaseWish;
  /** What it had: kept where nothing else is wished. */
  readonly keep: Lease | undefined;
}

function makeLease(network: NetworkRecord, others: readonly Lease[], request: LeaseRequest): Lease {
  const { zone, interfaceName, wish, keep } = request;
  const ipv4 = bare(wish.ip) ?? keep?.ipv4 ?? freeAddress4(network, others);
  const offset = offsetIn(network.range4, ipv4);
  const ipv6 =
    network.range6 === undefined
      ? undefined
      : (bare(wish.ip6) ?? keep?.ipv6 ?? freeAddress6(network.range6, others, offset));
  if (wish.ip !== undefined) checkAddress(network, network.range4, ipv4);
  if (wish.ip6 !== undefined) checkAddress(network, network.range6, bare(wish.ip6) ?? wish.ip6);
  const mac = wish.mac?.toLowerCase() ?? keep?.mac ?? freeMac(network, ipv4, others);
  const taken = others.find(
    (lease) => lease.mac === mac || lease.ipv4 === ipv4 || (ipv6 !== undefined && lease.ipv6 === ipv6),
  );
  if (taken !== undefined) {
    const what = taken.mac === mac ? mac : taken.ipv4 === ipv4 ? ipv4 : ipv6;
    throw zoneError('NETWORK_ADDRESS_IN_USE', `address "${what}" belongs to zone "${taken.zone}"`, {
      hint: `Choose another, or leave it out; "tszone network inspect ${network.name}" lists them.`,
      context: { address: what, zone: taken.zone, network: network.name },
    });
  }
  const lease = { zone, network: network.name, interfaceName, mac, ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) };
  return wish.ephemeral === true ? { ...lease, ephemeral: true } : lease;
}

function offsetIn(rangeText: string, address: string): bigint {
  return (parseIp(address)?.value ?? 0n) - (parseRange(rangeText)?.base ?? 0n);
}

function checkAddress(network: NetworkRecord, rangeText: string | undefined, address: string): void {
  const range = rangeText === undefined ? undefined : parseRange(rangeText);
  const parsed = parseIp(address);
  const edges = range === undefined ? [] : [range.base, ...(range.family === 4 ? [rangeEnd(range) - 1n] : [])];
  const ok =
    range !== undefined &&
    parsed !== undefined &&
    rangeContains(range, parsed) &&
    !edges.includes(parsed.value) &&
    address !== network.gateway4 &&
    address !== network.gateway6;
  if (ok) return;
  throw zoneError('USAGE_BAD_ARGUMENT', `address "${address}" is not one that network "${network.name}" can give`, {
    hint:
      range === undefined
        ? `Network "${network.name}" has no range of that family.`
        : `Choose one in ${formatRange(range)} other than its first, its last and the gateway's.`,
    context: { address, network: network.name },
  });
}

/** The one after the highest that is lent, then the lowest free one: an address is not reused at once. */
function freeAddress4(network: NetworkRecord, others: readonly Lease[]): string {
  const range = parseRange(network.range4);
  if (range === undefined) throw new Error(`not a range: ${network.range4}`);
  const used = new Set([
    ...others.filter((lease) => lease.network === network.name).map((lease) => offsetIn(network.range4, lease.ipv4)),
    offsetIn(network.range4, network.gateway4),
  ]);
  const size = rangeEnd(range) - range.base;
  const highest = [...used].reduce((max, offset) => (offset > max ? offset : max), 0n);
  for (let step = 1n; step < size; step += 1n) {
    const offset = (highest + step) % size;
    if (offset !== 0n && offset !== size - 1n && !used.has(offset)) return addressAt(range, offset);
  }
  throw zoneError('RESOURCE_ADDRESSES_EXHAUSTED', `network "${network.name}" has no free address`, {
    hint: `Delete zones that are not needed, or make another network: tszone network create NAME`,
    context: { network: network.name, range: network.range4 },
  });
}

/** The same host number as in IPv4, if it is free. */
function freeAddress6(rangeText: string, others: readonly Lease[], offset: bigint): string {
  const range = parseRange(rangeText);
  if (range === undefined) throw new Error(`not a range: ${rangeText}`);
  const used = new Set(others.map((lease) => lease.ipv6));
  for (let at = offset; ; at += 1n) {
    const address = addressAt(range, at);
    if (!used.has(address)) return address;
  }
}

/**
 * Follows from the address: neighbours remember for half a minute which MAC had it, and find the zone that has it next.
 * Another if a zone has kept it from an address that it had before. Locally administered, unicast.
 */
function freeMac({ bridgeMac }: NetworkRecord, ipv4: string, others: readonly Lease[]): string {
  for (let attempt = 0; ; attempt += 1) {
    const [first = 0, ...rest] = createHash('sha256').update(`${bridgeMac} ${ipv4} ${attempt}`).digest().subarray(0, 6);
    const mac = Buffer.from([(first & 0xfc) | 0x02, ...rest])
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1:');
    if (!others.some((lease) => lease.mac === mac)) return mac;
  }
}

/** All leases of a zone are given back. Nothing to give back is success. */
export async function releaseAddresses(roots: Roots, zone: string): Promise<void> {
  const held = (lease: Lease) => lease.zone === zone;
  if (!(await readNetworks(roots)).leases.some(held)) return;
  await updateNetworks(roots, (file) => [{ ...file, leases: file.leases.filter((lease) => !held(lease)) }, undefined]);
}

/** Leases follow a zone that is given another name. */
export async function renameLeases(roots: Roots, from: string, to: string): Promise<void> {
  if (!(await readNetworks(roots)).leases.some((lease) => lease.zone === from)) return;
  await updateNetworks(roots, (file) => {
    const leases = file.leases.map((lease) => (lease.zone === from ? { ...lease, zone: to } : lease));
    return [{ ...file, leases }, undefined];
  });
}

export async function zoneLeases(roots: Roots, zone: string): Promise<readonly Lease[]> {
  return (await readNetworks(roots)).leases.filter((lease) => lease.zone === zone);
}
