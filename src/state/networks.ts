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
import { addressesOf, type Lease, LeaseIndex, leaseLedger } from './lease-ledger.js';
import { lockNetworks, type NetworkRecord, type Networks, readNetworkRecords } from './networks-file.js';
import type { Roots } from './roots.js';

/** @throws NETWORK_NOT_FOUND with the nearest name */
export function findNetwork({ networks }: Pick<Networks, 'networks'>, name: string): NetworkRecord {
  const found = networks.find((network) => network.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    networks.map((network) => network.name),
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
  const ledger = leaseLedger(roots);
  const known = heldLease(ledger.refresh().of(zone), network, wish);
  if (known !== undefined) return known;
  await using _lock = await lockNetworks(roots);
  const networks = await readNetworkRecords(roots);
  const held = ledger.refresh(true).of(zone);
  const lease = drawLease({ network: findNetwork({ networks }, network), index: ledger.index, held }, zone, wish);
  if (!held.includes(lease)) await ledger.write(new Map([[zone, withLease(held, lease)]]));
  return lease;
}

/** The networks with the lease; pure, and nothing is written. @throws as leaseAddresses */
export function addLease(file: Networks, network: string, zone: string, wish: LeaseWish): readonly [Networks, Lease] {
  const index = new LeaseIndex();
  for (const lease of file.leases) index.add(lease);
  const held = file.leases.filter((lease) => lease.zone === zone);
  const others = file.leases.filter((lease) => lease.zone !== zone);
  const lease = drawLease({ network: findNetwork(file, network), index, held }, zone, wish);
  return [{ ...file, leases: [...others, ...withLease(held, lease)] }, lease];
}

/** In the place of what the interface had before. */
const withLease = (held: readonly Lease[], lease: Lease) => [
  ...held.filter(({ interfaceName }) => interfaceName !== lease.interfaceName),
  lease,
];

interface Lender {
  readonly network: NetworkRecord;
  readonly index: LeaseIndex;
  /** What the zone has already. */
  readonly held: readonly Lease[];
}

function drawLease({ network, index, held }: Lender, zone: string, wish: LeaseWish): Lease {
  const known = heldLease(held, network.name, wish);
  if (known !== undefined) return known;
  const interfaceName = wish.interfaceName ?? 'eth0';
  const previous = held.find((lease) => lease.interfaceName === interfaceName);
  return makeLease(network, index, { zone, interfaceName, wish, previous });
}

const bare = (text: string | undefined) => {
  const address = text === undefined ? undefined : parseIp(text.replace(/\/\d+$/, ''));
  return address === undefined ? undefined : formatIp(address);
};

function heldLease(held: readonly Lease[], network: string, wish: LeaseWish): Lease | undefined {
  const fits = (wanted: string | undefined, has: string | undefined) => wanted === undefined || wanted === has;
  return held.find(
    (lease) =>
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
  /** What the interface had: kept where nothing else is wished, on the same network. */
  readonly previous: Lease | undefined;
}

function makeLease(network: NetworkRecord, index: LeaseIndex, request: LeaseRequest): Lease {
  const { zone, interfaceName, wish, previous } = request;
  const keep = previous?.network === network.name ? previous : undefined;
  const ipv4 = bare(wish.ip) ?? keep?.ipv4 ?? freeAddress4(network, index);
  const offset = offsetIn(network.range4, ipv4);
  const ipv6 =
    network.range6 === undefined
      ? undefined
      : (bare(wish.ip6) ?? keep?.ipv6 ?? freeAddress6(network.range6, index, offset));
  if (wish.ip !== undefined) checkAddress(network, network.range4, ipv4);
  if (wish.ip6 !== undefined) checkAddress(network, network.range6, bare(wish.ip6) ?? wish.ip6);
  const mac = wish.mac?.toLowerCase() ?? keep?.mac ?? freeMac(network, ipv4, index);
  const lease = { zone, network: network.name, interfaceName, mac, ipv4, ...(ipv6 === undefined ? {} : { ipv6 }) };
  refuseTaken(index, lease, previous);
  return wish.ephemeral === true ? { ...lease, ephemeral: true } : lease;
}

function refuseTaken(index: LeaseIndex, lease: Lease, own: Lease | undefined): void {
  const { network } = lease;
  for (const address of addressesOf(lease)) {
    const taken = index.holderOf(address);
    if (taken === undefined || taken === own) continue;
    throw zoneError('NETWORK_ADDRESS_IN_USE', `address "${address}" belongs to zone "${taken.zone}"`, {
      hint: `Choose another, or leave it out; "tszone network inspect ${network}" lists them.`,
      context: { address, zone: taken.zone, network },
    });
  }
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
function freeAddress4(network: NetworkRecord, index: LeaseIndex): string {
  const range = parseRange(network.range4);
  if (range === undefined) throw new Error(`not a range: ${network.range4}`);
  const base = Number(range.base);
  const size = Number(rangeEnd(range) - range.base);
  const gateway = Number(offsetIn(network.range4, network.gateway4));
  const lent = index.lent4(network.name);
  const next = Math.max(gateway, (lent.at(-1) ?? base) - base) + 1;
  if (next < size - 1) return addressAt(range, BigInt(next));
  const used = new Set(lent);
  for (let offset = 1; offset < size - 1; offset += 1)
    if (offset !== gateway && !used.has(base + offset)) return addressAt(range, BigInt(offset));
  throw zoneError('RESOURCE_ADDRESSES_EXHAUSTED', `network "${network.name}" has no free address`, {
    hint: `Delete zones that are not needed, or make another network: tszone network create NAME`,
    context: { network: network.name, range: network.range4 },
  });
}

/** The same host number as in IPv4, if it is free. */
function freeAddress6(rangeText: string, index: LeaseIndex, offset: bigint): string {
  const range = parseRange(rangeText);
  if (range === undefined) throw new Error(`not a range: ${rangeText}`);
  for (let at = offset; ; at += 1n) {
    const address = addressAt(range, at);
    if (index.holderOf(address) === undefined) return address;
  }
}

/**
 * Follows from the address: neighbours remember for half a minute which MAC had it, and find the zone that has it next.
 * Another if a zone has kept it from an address that it had before. Locally administered, unicast.
 */
function freeMac({ bridgeMac }: NetworkRecord, ipv4: string, index: LeaseIndex): string {
  for (let attempt = 0; ; attempt += 1) {
    const [first = 0, ...rest] = createHash('sha256').update(`${bridgeMac} ${ipv4} ${attempt}`).digest().subarray(0, 6);
    const mac = Buffer.from([(first & 0xfc) | 0x02, ...rest])
      .toString('hex')
      .replace(/(..)(?=.)/g, '$1:');
    if (index.holderOf(mac) === undefined) return mac;
  }
}

/** All leases of a zone are given back. Nothing to give back is success. */
export async function releaseAddresses(roots: Roots, zone: string): Promise<void> {
  const ledger = leaseLedger(roots);
  if (ledger.refresh().of(zone).length === 0) return;
  await using _lock = await lockNetworks(roots);
  await ledger.refresh(true).write(new Map([[zone, []]]));
}

/** Leases follow a zone that is given another name. */
export async function renameLeases(roots: Roots, from: string, to: string): Promise<void> {
  const ledger = leaseLedger(roots);
  if (ledger.refresh().of(from).length === 0) return;
  await using _lock = await lockNetworks(roots);
  const leases = ledger
    .refresh(true)
    .of(from)
    .map((lease) => ({ ...lease, zone: to }));
  const left = ledger.of(to);
  await ledger.write(
    new Map([
      [from, []],
      [to, [...left, ...leases]],
    ]),
  );
}

export async function zoneLeases(roots: Roots, zone: string): Promise<readonly Lease[]> {
  return leasesByZone(roots)(zone);
}

/** As they are now. */
export function leasesByZone(roots: Roots): (zone: string) => readonly Lease[] {
  const ledger = leaseLedger(roots).refresh();
  return (zone) => ledger.of(zone);
}
