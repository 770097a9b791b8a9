/** `network delete`: with the last network, the host's forwarding is put back to what it was. */
import { deleteNetwork as deleteRecord } from '../netif/index.js';
import { nearest } from '../spec/index.js';
import { readNetworkRecords } from '../state/index.js';
import type { HostContext } from './host-context.js';

export interface NetworkDeleteResult {
  readonly name: string;
  /** false: there was no such network. */
  readonly deleted: boolean;
  /** Then: the network that may have been meant. */
  readonly nearest?: string;
}

/** What is not there is success. @throws NETWORK_IN_USE zones have addresses of it */
export async function deleteNetwork({ roots }: HostContext, name: string): Promise<NetworkDeleteResult> {
  const names = (await readNetworkRecords(roots)).map((network) => network.name);
  if (!names.includes(name)) {
    const near = nearest(name, names);
    return { name, deleted: false, ...(near === undefined ? {} : { nearest: near }) };
  }
  await deleteRecord(roots, name);
  return { name, deleted: true };
}
