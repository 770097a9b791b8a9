/** The bridge of a network and the veth pairs on it. */
import { zoneError } from '../errors/index.js';
import type { EnterOp } from '../helper/protocol.js';
import { parseRange, rangesOverlap } from '../spec/ip.js';
import { type NetlinkClient, netlink, netlinkProtocols, refusedWith } from './client.js';
import { hasIpv6, hostRoutes, linkAttribute, readSysctl, writeSysctl } from './host-view.js';
import { vethIndex } from './names.js';
import type { BridgeOp, VethOp } from './ops.js';
import { encodeMessage, type NetlinkMessage } from './wire/bytes.js';
import {
  decodeLink,
  deleteLink,
  getLink,
  type Link,
  newAddress,
  newBridge,
  newBridgeEntry,
  newVeth,
  setBridgePort,
  setLinkUp,
} from './wire/route.js';

/** The link's alias once everything about it is done; it changes with the op, so that a changed network is set anew. */
function doneMark(op: BridgeOp): string {
  return `tszone: ${[op.mtu, ...op.addresses].join(' ')}`;
}

/** @throws NETWORK_ADDRESS_IN_USE the range has come into use elsewhere on the host · HOST_FEATURE_MISSING */
export async function applyBridge(op: BridgeOp): Promise<void> {
  if (linkAttribute(op.name, 'ifalias') === doneMark(op)) return;
  checkRangesFree(op);
  const client = await netlink('route');
  await createBridge(client, op);
  const link = await findLink(client, op.name);
  if (link === undefined) throw new Error(`bridge ${op.name} has gone while it was set up`);
  setBridgeSysctls(op.name);
  for (const address of op.addresses) {
    await client.request(`add ${address} to ${op.name}`, newAddress(link.index, address)).catch((error: unknown) => {
      if (!refusedWith(error, 'EEXIST')) throw error;
    });
  }
  const { mtu } = op;
  await client.request(`set ${op.name} up`, setLinkUp({ index: link.index, mtu, alias: doneMark(op) }));
}

async function createBridge(client: NetlinkClient, op: BridgeOp): Promise<void> {
  try {
    await client.request(`create bridge ${op.name}`, newBridge(op));
  } catch (error) {
    if (refusedWith(error, 'EEXIST')) return;
    if (!refusedWith(error, 'EOPNOTSUPP')) throw error;
    throw zoneError('HOST_FEATURE_MISSING', 'this kernel cannot make bridges', {
      hint: 'Load the module: modprobe bridge',
      context: { bridge: op.name },
      cause: error,
    });
  }
}

/** The host may have got new routes since the network was made. */
function checkRangesFree(op: BridgeOp): void {
  const routes = hostRoutes().filter((route) => route.interfaceName !== op.name && route.range.prefix > 0);
  for (const text of op.addresses) {
    const range = parseRange(text);
    const clash = routes.find((route) => range !== undefined && rangesOverlap(route.range, range));
    if (clash === undefined) continue;
    throw zoneError('NETWORK_ADDRESS_IN_USE', `the range of "${text}" is now routed to "${clash.interfaceName}"`, {
      hint: 'Make a network with another range (tszone network create NAME) and move the zones there.',
      context: { bridge: op.name, address: text, interface: clash.interfaceName },
    });
  }
}

/** Its own only: they go with the bridge. */
const bridgeSysctls: readonly (readonly [string, string])[] = [
  ['ipv4/conf/%/forwarding', '1'],
  // 127.0.0.1:PORT of the host is answered by a zone: such packets leave and come back by the bridge.
  ['ipv4/conf/%/route_localnet', '1'],
  ['ipv4/conf/%/send_redirects', '0'],
  ['ipv4/conf/%/accept_redirects', '0'],
];
/** The host takes no routes and addresses from what a zone advertises; force_forwarding: 6.17 and later. */
const bridgeSysctls6: readonly (readonly [string, string])[] = [
  ['ipv6/conf/%/disable_ipv6', '0'],
  ['ipv6/conf/%/accept_ra', '0'],
  ['ipv6/conf/%/autoconf', '0'],
  ['ipv6/conf/%/accept_redirects', '0'],
  ['ipv6/conf/%/force_forwarding', '1'],
];

function setBridgeSysctls(bridge: string): void {
  const wanted = [...bridgeSysctls, ...(hasIpv6() ? bridgeSysctls6 : [])];
  for (const [key, value] of wanted) {
    const path = `net/${key.replace('%', bridge)}`;
    const now = readSysctl(path);
    if (now !== undefined && now !== value) writeSysctl(path, value);
  }
}

/** The network has been set up since the host was started. */
export function isBridgeUp(bridge: string): boolean {
  return linkAttribute(bridge, 'ifalias')?.startsWith('tszone: ') === true;
}

export async function findLink(client: NetlinkClient, name: string): Promise<Link | undefined> {
  try {
    const [reply] = await client.request(`look up ${name}`, getLink(name));
    return reply === undefined ? undefined : decodeLink(reply);
  } catch (error) {
    if (refusedWith(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** Gone already is success. */
export async function removeLink(name: string, isOurs: (link: Link) => boolean = () => true): Promise<void> {
  const client = await netlink('route');
  const link = await findLink(client, name);
  if (link === undefined || !isOurs(link)) return;
  await client.request(`delete ${name}`, deleteLink(link.index)).catch((error: unknown) => {
    if (!refusedWith(error, 'ENODEV')) throw error;
  });
}

/** Names, addresses and the bridge's index as they are now; the messages are good for this boot. */
function vethMessages({ pid, bridge, ...pair }: VethOp): NetlinkMessage[] {
  const master = Number(linkAttribute(bridge, 'ifindex') ?? 0);
  const hostIndex = vethIndex(pair.hostName);
  return [
    newVeth({ ...pair, hostIndex, master, peerPid: pid }),
    setBridgePort(hostIndex, hasIpv6()),
    newBridgeEntry(hostIndex, pair.peerMac),
  ];
}

/** A pid that no process has: where it stands, the helper writes its child's. */
const pidMark = 0x7e5a_c3d1;

/** The same for the helper, which knows the pid first. */
export function vethForHelper(op: VethOp): EnterOp {
  const messages = vethMessages({ ...op, pid: pidMark });
  const bytes = Buffer.concat(messages.map((message, index) => encodeMessage(message, index + 1)));
  const mark = new Uint8Array(new Uint32Array([pidMark]).buffer);
  const pidOffset = String(bytes.indexOf(mark));
  return { op: 'host.nl', protocol: String(netlinkProtocols.route), hex: bytes.toString('hex'), pidOffset };
}

export async function applyVeth(op: VethOp): Promise<void> {
  const client = await netlink('route');
  try {
    await client.requestAll(`create veth ${op.hostName} in ${op.bridge}`, vethMessages(op));
  } catch (error) {
    if (!refusedWith(error, 'EOPNOTSUPP')) throw error;
    throw zoneError('HOST_FEATURE_MISSING', 'this kernel cannot make veth pairs', {
      hint: 'Load the module: modprobe veth',
      context: { link: op.hostName },
      cause: error,
    });
  }
}

export async function undoVeth(op: VethOp): Promise<void> {
  await removeLink(op.hostName, (link) => link.mac === op.hostMac);
}
