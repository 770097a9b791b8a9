/** Which zone has which addresses: `leases.jsonl` of the root, and of zones that do not outlive this boot of the run-time side. */
import { join } from 'node:path';
import type { MaybeEphemeral } from './ephemeral.js';
import type { Versioned } from './json-file.js';
import { Ledger, type LedgerIndex } from './ledger.js';
import type { Roots } from './roots.js';
import { insertSorted, removeSorted } from './sorted.js';

/** What one interface of a zone has on a network; kept until the zone is deleted. */
export interface Lease extends MaybeEphemeral {
  readonly zone: string;
  readonly network: string;
  readonly interfaceName: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6?: string | undefined;
}

/** Whether an address is free, and which is the next one, in the same time however many are lent. */
export class LeaseIndex implements LedgerIndex<Lease> {
  readonly #holders = new Map<string, Lease>();
  readonly #numbers = new Map<string, number[]>();

  add(lease: Lease): void {
    for (const address of addressesOf(lease)) this.#holders.set(address, lease);
    insertSorted(this.#numbersOf(lease.network), ipv4Number(lease.ipv4), same);
  }

  remove(lease: Lease): void {
    for (const address of addressesOf(lease)) if (this.#holders.get(address) === lease) this.#holders.delete(address);
    removeSorted(this.#numbersOf(lease.network), ipv4Number(lease.ipv4), same);
  }

  /** Who has a MAC or an address. */
  holderOf(address: string): Lease | undefined {
    return this.#holders.get(address);
  }

  /** The lent IPv4 addresses of a network as numbers, the least first. */
  lent4(network: string): readonly number[] {
    return this.#numbers.get(network) ?? [];
  }

  #numbersOf(network: string): number[] {
    const known = this.#numbers.get(network);
    if (known !== undefined) return known;
    const numbers: number[] = [];
    this.#numbers.set(network, numbers);
    return numbers;
  }
}

const same = (number: number) => number;

/** What nobody else may have: its MAC and its addresses. */
export const addressesOf = ({ mac, ipv4, ipv6 }: Lease) => (ipv6 === undefined ? [mac, ipv4] : [mac, ipv4, ipv6]);

const ipv4Number = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

interface OlderFile extends Versioned {
  readonly leases?: readonly Lease[];
  readonly networks?: readonly unknown[];
}

const entriesOf = ({ leases = [] }: OlderFile) => leases;

const isLease = ({ zone, network, interfaceName, mac, ipv4 }: Partial<Lease>) =>
  [zone, network, interfaceName, mac, ipv4].every((text) => typeof text === 'string');

export type LeaseLedger = Ledger<Lease, LeaseIndex>;

const ledgers = new Map<string, LeaseLedger>();

/** Changed under the lock of the networks. Owners are zones. */
export function leaseLedger({ root, runRoot }: Pick<Roots, 'root' | 'runRoot'>): LeaseLedger {
  const key = `${root}\0${runRoot}`;
  const known = ledgers.get(key);
  if (known !== undefined) return known;
  const ledger = new Ledger<Lease, LeaseIndex>({
    ownerOf: ({ zone }) => zone,
    isEntry: isLease,
    makeIndex: () => new LeaseIndex(),
    lasting: {
      path: join(root, 'leases.jsonl'),
      older: {
        path: join(root, 'networks.json'),
        entriesOf,
        without: (file: OlderFile | undefined) => ({ version: 2, networks: file?.networks ?? [] }),
      },
    },
    thisBoot: {
      path: join(runRoot, 'leases.jsonl'),
      older: { path: join(runRoot, 'leases.json'), entriesOf, without: () => ({ version: 2 }) },
    },
  });
  ledgers.set(key, ledger);
  return ledger;
}
