/** What a zone in the making would be lent: its ids and its addresses, which a dry run looks up and leaves where they are. */
import { addNetwork, defaultNetwork } from '../netif/index.js';
import type { HostOpBase, InterfaceSpec, ZoneSpec } from '../spec/index.js';
import {
  addLease,
  findNetwork,
  type IdRange,
  type Lease,
  type Networks,
  previewIds,
  readNetworks,
} from '../state/index.js';
import { type DryStep, hostSteps, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { wishOf } from './zone-network.js';

/**
 * The ops of a zone in the making, and before them the network that is made for the first zone that needs it.
 *
 * @throws NETWORK_NOT_FOUND, NETWORK_ADDRESS_IN_USE, RESOURCE_IDS_EXHAUSTED, and what else a lease throws
 */
export async function makingSteps(
  host: HostContext,
  spec: ZoneSpec,
  ops: readonly HostOpBase[],
): Promise<{ readonly network: DryStep[]; readonly steps: DryStep[]; readonly ids: IdRange }> {
  const { name } = spec;
  const ids = await previewIds(host.roots, name, { ids: spec });
  const leased = ops.find(({ op }) => op === 'state.addresses-lease') as
    | { readonly interfaces: readonly InterfaceSpec[] }
    | undefined;
  const { file, network } = await networksOf(host, spec);
  const addresses = leasesOf(file, name, leased?.interfaces ?? []).map(
    // A network that is not there yet has a range of IPv6 that is drawn when it is made.
    ({ interfaceName, ipv4, ipv6 }) =>
      `${interfaceName} ${ipv6 === undefined || network.length > 0 ? ipv4 : `${ipv4} and ${ipv6}`}`,
  );
  const steps = hostSteps('prepare', ops).map((step) => {
    if (step.op.op === 'state.ids-lease') return { ...step, text: `${step.text}: ${ids.base}:${ids.count}` };
    if (step.op.op === 'state.addresses-lease') return { ...step, text: `${step.text}: ${addresses.join(', ')}` };
    return step;
  });
  return { network, steps, ids };
}

/** With the default one, if it would be made. */
async function networksOf(
  { roots }: HostContext,
  { net }: ZoneSpec,
): Promise<{ readonly file: Networks; readonly network: DryStep[] }> {
  const file = await readNetworks(roots);
  const wanted = net.kind === 'bridge' ? net.interfaces.map(({ network }) => network) : [];
  const isMissing = wanted.includes(defaultNetwork) && !file.networks.some(({ name }) => name === defaultNetwork);
  if (!isMissing) return { file, network: [] };
  const [next] = addNetwork(roots, file, { name: defaultNetwork });
  return { file: next, network: [plainStep('state.network-add', `record network ${defaultNetwork}`)] };
}

function leasesOf(file: Networks, zone: string, interfaces: readonly InterfaceSpec[]): Lease[] {
  const leases: Lease[] = [];
  let now = file;
  for (const one of interfaces) {
    findNetwork(now, one.network);
    const [next, lease] = addLease(now, one.network, zone, wishOf(one));
    leases.push(lease);
    now = next;
  }
  return leases;
}
