/** Networks on disk, `networks.json`, and the lock under which they and what they lend are changed. */
import { join } from 'node:path';
import { readJson, type Versioned, writeJson } from './json-file.js';
import { type Lease, leaseLedger } from './lease-ledger.js';
import { acquireLock, type Lock } from './lock.js';
import type { Roots } from './roots.js';

/** A bridge with its address ranges. */
export interface NetworkRecord {
  readonly name: string;
  readonly bridge: string;
  readonly bridgeMac: string;
  readonly mtu: number;
  /** `10.88.0.0/16` */
  readonly range4: string;
  readonly gateway4: string;
  /** `undefined` on hosts without IPv6. */
  readonly range6?: string | undefined;
  readonly gateway6?: string | undefined;
  readonly createdAtMs: number;
}

/** Networks, and all that they have lent. */
export interface Networks {
  readonly networks: readonly NetworkRecord[];
  readonly leases: readonly Lease[];
}

/** In version 1 leases were in it, too; see leaseLedger. */
interface NetworksFile extends Versioned {
  readonly version: 1 | 2;
  readonly networks: readonly NetworkRecord[];
}

const pathOf = ({ root }: Roots) => join(root, 'networks.json');

export async function readNetworkRecords(roots: Roots): Promise<readonly NetworkRecord[]> {
  return (await readJson<NetworksFile>(pathOf(roots), 2))?.networks ?? [];
}

/** A consistent view; no lock needed. */
export async function readNetworks(roots: Roots): Promise<Networks> {
  const networks = await readNetworkRecords(roots);
  return { networks, leases: leaseLedger(roots).refresh().all() };
}

/** @throws LOCK_BUSY */
export async function lockNetworks({ root }: Roots): Promise<Lock> {
  return acquireLock(join(root, 'networks.lock'), { what: 'the list of networks', inTurn: true });
}

/**
 * Changes the networks under their lock; leases stay as they are. `change` returns what is to be written (the same object: nothing
 * is) and a result.
 *
 * @throws LOCK_BUSY
 */
export async function updateNetworks<T>(
  roots: Roots,
  change: (before: Networks) => Promise<readonly [Networks, T]> | readonly [Networks, T],
): Promise<T> {
  await using _lock = await lockNetworks(roots);
  const ledger = leaseLedger(roots).refresh(true);
  const before = { networks: await readNetworkRecords(roots), leases: ledger.all() };
  const [after, result] = await change(before);
  if (after === before) return result;
  await ledger.adopt();
  await writeJson<NetworksFile>(pathOf(roots), { version: 2, networks: after.networks });
  return result;
}
