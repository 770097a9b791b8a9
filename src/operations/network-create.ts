/** `network create`: a bridge with address ranges of its own; zones join it with `--net bridge=NAME`. */
import { zoneError } from '../errors/index.js';
import { createNetwork as createRecord } from '../netif/index.js';
import { namePattern } from '../spec/index.js';
import type { HostContext } from './host-context.js';
import { type NetworkSummary, summarizeNetwork } from './network-list.js';

export interface NetworkCreateOptions {
  readonly name: string;
  /** IPv4 range such as `172.30.0.0/16`; a free one if not given. */
  readonly ip4?: string | undefined;
  /** IPv6 range such as `fd00:1:2:3::/64`, or `none`; a random unique local one if not given. */
  readonly ip6?: string | undefined;
  /** Bytes, 1280 to 65535; the smallest of the host's uplinks if not given. */
  readonly mtu?: number | undefined;
}

/** @throws NETWORK_EXISTS, NETWORK_ADDRESS_IN_USE, USAGE_BAD_ARGUMENT, RESOURCE_ADDRESSES_EXHAUSTED */
export async function createNetwork(host: HostContext, options: NetworkCreateOptions): Promise<NetworkSummary> {
  checkNetwork(options);
  const network = await createRecord(host.roots, options);
  return summarizeNetwork(network, []);
}

/** @throws USAGE_BAD_ARGUMENT */
export function checkNetwork({ name, mtu }: NetworkCreateOptions): void {
  if (!namePattern.test(name))
    throw badArgument(`"${name}" is not a name`, 'Use a-z 0-9 _ . -, at most 63, such as "lab".');
  if (mtu !== undefined && !(Number.isInteger(mtu) && mtu >= 1280 && mtu <= 65_535)) {
    throw badArgument(`MTU ${mtu} is not possible`, 'Give a number from 1280 (the least that IPv6 takes) to 65535.');
  }
}

function badArgument(message: string, hint: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', message, { hint });
}
