/** Published ports: elements of our table's maps, each with a claim that says whose it is. */
import { zoneError } from '../errors/index.js';
import { formatPort } from '../spec/index.js';
import { type Lease, type Roots, readFirstProcess, readJournal, readNetworks, zoneLeases } from '../state/index.js';
import { type NetlinkClient, netlink, refusedWith } from './client.js';
import { tablesOfOthers } from './firewall.js';
import { isTakenByProgram } from './host-ports.js';
import { tableName } from './names.js';
import type { PortOp } from './ops.js';
import { addPort, decodeClaim, isWildcard, type PortKey, removePort } from './ruleset.js';
import { decodeElements, dumpElements } from './wire/nft.js';

/** @throws PORT_IN_USE another zone has it, or a program of the host listens there */
export async function applyPort(op: PortOp): Promise<void> {
  const client = await netlink('netfilter');
  const claims = await readClaims(client, op.table);
  if (claims.some((claim) => samePort(claim, op) && sameTarget(claim, op))) return;
  for (const claim of claims.filter((one) => clashes(one, op))) await freeOrRefuse(client, op, claim);
  for (const table of await tablesOfOthers(op.table)) {
    if ((await readClaims(client, table)).some((one) => clashes(one, op)))
      throw inUse(op, `a zone of another root (${table})`);
  }
  if (await isTakenByProgram(op)) throw inUse(op, 'a program of the host');
  await client.batch(`publish port ${printed(op)}`, addPort(op.table, op)).catch((error: unknown) => {
    // Another start was quicker by a hair.
    throw refusedWith(error, 'EEXIST') ? inUse(op, 'another zone') : error;
  });
}

export async function undoPort(op: PortOp): Promise<void> {
  const client = await netlink('netfilter');
  await dropPort(client, op.table, op);
}

/** Not there, or another zone's by now, is success. */
async function dropPort(client: NetlinkClient, table: string, port: PortKey): Promise<void> {
  await client.batch(`take back port ${printed(port)}`, removePort(table, port)).catch((error: unknown) => {
    if (!refusedWith(error, 'ENOENT')) throw error;
  });
}

/** Takes back every port that points at a zone, also such as no plan knows of (added while it ran). */
export async function removeZonePorts(roots: Roots, zone: string): Promise<void> {
  const addresses = leaseAddressesOf(await zoneLeases(roots, zone));
  if (addresses.size === 0) return;
  const table = tableName(roots.instance);
  const client = await netlink('netfilter');
  for (const claim of await readClaims(client, table)) {
    if (addresses.has(claim.zoneAddress)) await dropPort(client, table, claim);
  }
}

const leaseAddressesOf = (leases: readonly Lease[]) => new Set(leases.flatMap((lease) => [lease.ipv4, lease.ipv6]));

/** All published ports of a root, as the kernel has them. Empty if there is no table. */
export async function publishedPorts(roots: Roots): Promise<PortKey[]> {
  const client = await netlink('netfilter');
  return readClaims(client, tableName(roots.instance));
}

async function readClaims(client: NetlinkClient, table: string): Promise<PortKey[]> {
  const claims: PortKey[] = [];
  for (const set of ['claims4', 'claims6']) {
    try {
      const replies = await client.request(`list ${set}`, dumpElements({ table, set }));
      claims.push(...decodeElements(replies).map((element) => decodeClaim(element.key)));
    } catch (error) {
      if (!refusedWith(error, 'ENOENT')) throw error;
    }
  }
  return claims;
}

const printed = (port: PortKey) =>
  `${port.hostAddress.includes(':') ? `[${port.hostAddress}]` : port.hostAddress}:${port.hostPort}/${port.protocol}`;

const familyOf = (address: string) => (address.includes(':') ? 6 : 4);

/** As bind(2) sees it: a wildcard takes the port of every address of its family. */
function clashes(a: PortKey, b: PortKey): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  if (familyOf(a.hostAddress) !== familyOf(b.hostAddress)) return false;
  return a.hostAddress === b.hostAddress || isWildcard(a.hostAddress) || isWildcard(b.hostAddress);
}

function samePort(a: PortKey, b: PortKey): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort && a.hostAddress === b.hostAddress;
}

function sameTarget(a: PortKey, b: PortKey): boolean {
  return a.zoneAddress === b.zoneAddress && a.zonePort === b.zonePort;
}

/** A claim of a zone that neither runs nor is prepared or being started is a left-over. */
async function freeOrRefuse(client: NetlinkClient, op: PortOp, claim: PortKey): Promise<void> {
  const { leases } = await readNetworks(op.roots);
  const owner = leases.find((lease) => lease.ipv4 === claim.zoneAddress || lease.ipv6 === claim.zoneAddress);
  const own = claim.zoneAddress === op.zoneAddress;
  const zone = owner?.zone;
  const isAlive = zone !== undefined && (await holdsPorts(op.roots, zone));
  if (own || isAlive) throw inUse(op, zone === undefined ? 'another zone' : `zone "${zone}"`, zone);
  await dropPort(client, op.table, claim);
}

async function holdsPorts(roots: Roots, zone: string): Promise<boolean> {
  return (await readFirstProcess(roots, zone)) !== undefined || (await readJournal(roots, zone)) !== undefined;
}

function inUse(op: PortOp, by: string, zone?: string): Error {
  const { hostPort, hostAddress, protocol, zonePort } = op;
  const other = formatPort({ hostAddress, hostPort: hostPort === 65_535 ? 1024 : hostPort + 1, zonePort, protocol });
  return zoneError('PORT_IN_USE', `port "${printed(op)}" is in use by ${by}`, {
    hint:
      zone === undefined
        ? `See who listens there (ss -lpn sport = :${hostPort}), or publish another port: -p ${other}`
        : `Run "tszone port remove ${zone} ${formatPort(op)}" first, or publish another port: -p ${other}`,
    context: { port: printed(op), ...(zone === undefined ? {} : { zone }) },
  });
}
