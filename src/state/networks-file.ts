/** Networks and what they have lent out, on disk: `networks.json`, changed under one lock, and the run-time side's leases. */
import { join } from 'node:path';
import { rm } from '../host/quick-fs.js';
import { isSameList, type MaybeEphemeral, splitByLife } from './ephemeral.js';
import { readJson, type Versioned, writeJson, writeRunTimeFile } from './json-file.js';
import { acquireLock } from './lock.js';
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

/** What one interface of a zone has on a network; kept until the zone is deleted. */
export interface Lease extends MaybeEphemeral {
  readonly zone: string;
  readonly network: string;
  readonly interfaceName: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6?: string | undefined;
}

export interface NetworksFile extends Versioned {
  readonly version: 1;
  readonly networks: readonly NetworkRecord[];
  readonly leases: readonly Lease[];
}

const empty: NetworksFile = { version: 1, networks: [], leases: [] };

interface LeasesFile extends Versioned {
  readonly version: 1;
  readonly leases: readonly Lease[];
}

const lastingPath = ({ root }: Roots) => join(root, 'networks.json');
/** Leases of zones that do not outlive this boot. */
const runTimePath = ({ runRoot }: Roots) => join(runRoot, 'leases.json');

/** A consistent view; no lock needed. */
export async function readNetworks(roots: Roots): Promise<NetworksFile> {
  const file = (await readJson<NetworksFile>(lastingPath(roots), 1)) ?? empty;
  const more = (await readJson<LeasesFile>(runTimePath(roots), 1))?.leases ?? [];
  return more.length === 0 ? file : { ...file, leases: [...file.leases, ...more] };
}

async function writeNetworks(roots: Roots, before: NetworksFile, after: NetworksFile): Promise<void> {
  const [was, is] = [splitByLife(before.leases), splitByLife(after.leases)];
  if (!isSameList(was.ephemeral, is.ephemeral)) {
    const file: LeasesFile = { version: 1, leases: is.ephemeral };
    if (is.ephemeral.length === 0) await rm(runTimePath(roots), { force: true });
    else await writeRunTimeFile(runTimePath(roots), JSON.stringify(file));
  }
  if (after.networks !== before.networks || !isSameList(was.lasting, is.lasting))
    await writeJson<NetworksFile>(lastingPath(roots), { ...after, leases: is.lasting });
}

/**
 * Changes the file under its lock. `change` returns the new content (the same object: nothing is written) and a result.
 *
 * @throws LOCK_BUSY
 */
export async function updateNetworks<T>(
  roots: Roots,
  change: (file: NetworksFile) => Promise<readonly [NetworksFile, T]> | readonly [NetworksFile, T],
): Promise<T> {
  await using _lock = await acquireLock(join(roots.root, 'networks.lock'), { what: 'the list of networks' });
  const before = await readNetworks(roots);
  const [after, result] = await change(before);
  if (after !== before) await writeNetworks(roots, before, after);
  return result;
}
