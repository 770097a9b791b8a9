/** Networks: their records together with what of them is in the kernel. */
import { zoneError } from '../errors/index.js';
import { addressAt, formatRange, type IpRange, parseRange, rangesOverlap } from '../spec/ip.js';
import {
  chooseRange4,
  chooseRange6,
  findNetwork,
  type NetworkRecord,
  type Networks,
  type Roots,
  readNetworkRecords,
  updateNetworks,
} from '../state/index.js';
import { removeLink } from './bridge.js';
import { removeFromFirewall, removeTable } from './firewall.js';
import { releaseForwarding } from './forwarding.js';
import { hasIpv6, uplinkMtu, usedRanges } from './host-view.js';
import { bridgeName, randomMac, tableName } from './names.js';
import { firewallOp } from './plan.js';

/** Made on first use, if nothing else is said. */
export const defaultNetwork = 'default';

export interface NetworkWish {
  readonly name: string;
  /** `172.30.0.0/16`; chosen if not given. */
  readonly ip4?: string | undefined;
  /** `fd00:1::/64`; chosen if not given. `none`: without IPv6. */
  readonly ip6?: string | undefined;
  /** The smallest of the uplinks' if not given. */
  readonly mtu?: number | undefined;
}

/** The network of that name; the default one is made if it is missing. @throws NETWORK_NOT_FOUND */
export async function ensureNetwork(roots: Roots, name: string): Promise<NetworkRecord> {
  const networks = await readNetworkRecords(roots);
  if (name !== defaultNetwork || networks.some((network) => network.name === name))
    return findNetwork({ networks }, name);
  try {
    return await createNetwork(roots, { name });
  } catch (error) {
    // Another command was quicker.
    const again = (await readNetworkRecords(roots)).find((network) => network.name === name);
    if (again === undefined) throw error;
    return again;
  }
}

/**
 * Records a network; its bridge is made when a zone first starts on it.
 *
 * @throws NETWORK_EXISTS · USAGE_BAD_ARGUMENT a bad range · NETWORK_ADDRESS_IN_USE it overlaps with something
 */
export async function createNetwork(roots: Roots, wish: NetworkWish): Promise<NetworkRecord> {
  return updateNetworks(roots, (file) => addNetwork(roots, file, wish));
}

/** The file with the network in it; nothing is written. @throws as createNetwork */
export function addNetwork(roots: Roots, file: Networks, wish: NetworkWish): readonly [Networks, NetworkRecord] {
  if (file.networks.some((network) => network.name === wish.name)) {
    throw zoneError('NETWORK_EXISTS', `network "${wish.name}" exists already`, {
      hint: `Choose another name, or run "tszone network delete ${wish.name}" first.`,
      context: { network: wish.name },
    });
  }
  const record = makeRecord(roots, file, wish);
  return [{ ...file, networks: [...file.networks, record] }, record];
}

function makeRecord(roots: Roots, file: Networks, wish: NetworkWish): NetworkRecord {
  const used = [...usedRanges(), ...recordedRanges(file)];
  const range4 = wish.ip4 === undefined ? chooseRange4(roots.instance, used) : checkRange(wish.ip4, 4, used);
  const range6 = pickRange6(wish, used);
  return {
    name: wish.name,
    bridge: bridgeName(roots.instance, freeNumber(roots, file)),
    bridgeMac: randomMac(),
    mtu: wish.mtu ?? uplinkMtu(),
    range4: formatRange(range4),
    gateway4: addressAt(range4, 1),
    ...(range6 === undefined ? {} : { range6: formatRange(range6), gateway6: addressAt(range6, 1) }),
    createdAtMs: Date.now(),
  };
}

function pickRange6(wish: NetworkWish, used: readonly IpRange[]): IpRange | undefined {
  if (wish.ip6 === 'none') return undefined;
  if (wish.ip6 !== undefined) return checkRange(wish.ip6, 6, used);
  return hasIpv6() ? chooseRange6() : undefined;
}

function recordedRanges(file: Networks): IpRange[] {
  return file.networks
    .flatMap((network) => [network.range4, network.range6 ?? ''])
    .map(parseRange)
    .filter((range) => range !== undefined);
}

/** Wide enough for the gateway and a zone; IPv6 ranges are /64 or wider, as addresses are made from the IPv4 one. */
function checkRange(text: string, family: 4 | 6, used: readonly IpRange[]): IpRange {
  const range = parseRange(text);
  const narrowest = family === 4 ? 30 : 96;
  if (range === undefined || range.family !== family || range.prefix < 8 || range.prefix > narrowest) {
    throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" is not an IPv${family} range for a network`, {
      hint: family === 4 ? 'Give one such as 172.30.0.0/16.' : 'Give one such as fd00:1:2:3::/64, or none.',
      context: { range: text },
    });
  }
  if (used.some((other) => rangesOverlap(other, range))) {
    throw zoneError('NETWORK_ADDRESS_IN_USE', `range "${text}" overlaps with one that this host or a network uses`, {
      hint: 'Leave it out to have a free one chosen; "ip route" and "tszone network list" show what is used.',
      context: { range: text },
    });
  }
  return range;
}

function freeNumber(roots: Roots, file: Networks): number {
  const taken = new Set(file.networks.map((network) => network.bridge));
  let number = 0;
  while (taken.has(bridgeName(roots.instance, number))) number += 1;
  return number;
}

export async function listNetworks(roots: Roots): Promise<readonly NetworkRecord[]> {
  return readNetworkRecords(roots);
}

/**
 * Takes the network out of the kernel and forgets it. With the last one go the nft table and the forwarding that was
 * switched on. Each step may have been done before: a killed delete is completed by the next.
 *
 * @throws NETWORK_NOT_FOUND · NETWORK_IN_USE zones have addresses of it
 */
export async function deleteNetwork(roots: Roots, name: string): Promise<void> {
  await updateNetworks(roots, async (file) => {
    const network = requireUnused(file, name);
    const networks = file.networks.filter((one) => one !== network);
    const after = { ...file, networks };
    if (networks.length === 0) await releaseForwarding(roots.instance);
    await removeLink(network.bridge);
    if (networks.length > 0) await removeFromFirewall(firewallOp(roots, network), after);
    else await removeTable(tableName(roots.instance));
    return [after, undefined];
  });
}

/** @throws NETWORK_NOT_FOUND, NETWORK_IN_USE */
export function requireUnused(file: Networks, name: string): NetworkRecord {
  const network = findNetwork(file, name);
  const zones = [...new Set(file.leases.filter((lease) => lease.network === name).map((lease) => lease.zone))];
  if (zones.length === 0) return network;
  throw zoneError('NETWORK_IN_USE', `network "${name}" is used by zone "${zones.join('", "')}"`, {
    hint: `Delete its zones first: tszone delete ${zones.join(' ')}`,
    context: { network: name, zones },
  });
}
