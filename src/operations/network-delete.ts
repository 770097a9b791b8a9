/** `network delete`: with the last network, the host's forwarding is put back to what it was. */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../errors/index.js';
import { deleteNetwork as deleteRecord } from '../netif/index.js';
import { nearest } from '../spec/index.js';
import { findZone, type Roots, readNetworkRecords, readNetworks } from '../state/index.js';
import type { HostContext } from './host-context.js';

export interface NetworkDeleteResult {
  readonly name: string;
  /** false: there was no such network. */
  readonly deleted: boolean;
  /** Then: the network that may have been meant. */
  readonly nearest?: string;
}

/** What an engine needs at most to take apart what it has made ahead. */
const unseenMs = 30_000;

/**
 * What is not there is success.
 *
 * @param dropUnseen asks whoever makes zones ahead to drop them; false: nobody does
 * @throws NETWORK_IN_USE zones have addresses of it
 */
export async function deleteNetwork(
  { roots }: HostContext,
  name: string,
  dropUnseen: () => Promise<boolean> = async () => false,
): Promise<NetworkDeleteResult> {
  const names = (await readNetworkRecords(roots)).map((network) => network.name);
  if (!names.includes(name)) {
    const near = nearest(name, names);
    return { name, deleted: false, ...(near === undefined ? {} : { nearest: near }) };
  }
  try {
    await deleteRecord(roots, name);
  } catch (error) {
    if (!hasCode(error, 'NETWORK_IN_USE') || (await hasRecordedZone(roots, name)) || !(await dropUnseen())) throw error;
    await waitUntilLeft(roots, name);
    await deleteRecord(roots, name);
  }
  return { name, deleted: true };
}

/** Nobody has addresses of it any more, somebody has whom everybody sees, or the time is over. */
async function waitUntilLeft(roots: Roots, name: string): Promise<void> {
  const deadline = performance.now() + unseenMs;
  const isUsed = async () => (await readNetworks(roots)).leases.some(({ network }) => network === name);
  while (performance.now() < deadline && (await isUsed()) && !(await hasRecordedZone(roots, name))) await sleep(20);
}

/** One that was made ahead has addresses, and no record. */
async function hasRecordedZone(roots: Roots, network: string): Promise<boolean> {
  const { leases } = await readNetworks(roots);
  for (const lease of leases) {
    if (lease.network !== network) continue;
    const isRecorded = await findZone(roots, lease.zone).then(
      (record) => record !== undefined,
      () => true,
    );
    if (isRecorded) return true;
  }
  return false;
}
