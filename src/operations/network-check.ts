/** What `doctor` asks the kernel about other firewalls; the rest of its checks only read files. */
import type { Check, HostFacts } from '../host/index.js';
import { foreignForwardDrops } from '../netif/index.js';

/** Nothing without root: the kernel does not say. */
export async function checkForwardDrops({ isRoot }: HostFacts): Promise<Check[]> {
  if (!isRoot) return [];
  const drops = await foreignForwardDrops().catch(() => undefined);
  // No nf_tables in this kernel: another check says so.
  if (drops === undefined) return [];
  const ok = drops.length === 0;
  return [
    {
      id: 'network.forward-policy',
      title: 'forward chains that drop',
      status: ok ? 'ok' : 'warn',
      detail: ok ? 'none' : drops.join(', '),
      ...(ok
        ? {}
        : {
            fix: 'let zones pass there: iptables -I FORWARD -i tz+ -j ACCEPT && iptables -I FORWARD -o tz+ -j ACCEPT',
          }),
    },
  ];
}
