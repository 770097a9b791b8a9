/** The few files of a zone's /etc that tszone keeps true: host name, hosts, name servers, machine id. */
import type { EnterOp } from '../helper/index.js';

/** A file that begins with this was written by us and may be replaced; any other is the user's. */
const marker = '# tszone';
const always = '*';

export interface IdentityInput {
  readonly hostname: string;
  readonly machineId: string;
  /** Addresses of the zone without prefix length. */
  readonly addresses: readonly string[];
  /** `undefined`: left alone. */
  readonly resolvConf: string | undefined;
  /** Files that are still the image's: the zone has none of its own, so there is nothing of a user's to keep. */
  readonly fromImage: readonly string[];
}

/** What may be the image's. */
export const identityFiles = ['/etc/hosts', '/etc/machine-id', '/etc/resolv.conf'] as const;

export function planIdentity(input: IdentityInput): EnterOp[] {
  const names = [input.hostname, input.hostname.split('.')[0]].filter((name, at, all) => all.indexOf(name) === at);
  const hosts = [
    `${marker}: written at every start; remove this line to keep your own`,
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...input.addresses.map((address) => `${address}\t${names.join(' ')}`),
    ...(input.addresses.length === 0 ? [`127.0.1.1\t${names.join(' ')}`] : []),
  ];
  const markerOf = (path: (typeof identityFiles)[number], own: string) =>
    input.fromImage.includes(path) ? always : own;
  return [
    { op: 'mkdir', path: '/etc', mode: '0755' },
    { op: 'file.write', path: '/etc/hostname', mode: '0644', marker: always, content: `${input.hostname}\n` },
    {
      op: 'file.write',
      path: '/etc/hosts',
      mode: '0644',
      marker: markerOf('/etc/hosts', marker),
      content: `${hosts.join('\n')}\n`,
    },
    {
      op: 'file.write',
      path: '/etc/machine-id',
      mode: '0444',
      marker: markerOf('/etc/machine-id', ''),
      content: `${input.machineId}\n`,
    },
    ...(input.resolvConf === undefined ? [] : [resolvConfOp(input.resolvConf, markerOf('/etc/resolv.conf', marker))]),
  ];
}

function resolvConfOp(text: string, mark: string): EnterOp {
  return { op: 'file.write', path: '/etc/resolv.conf', mode: '0644', marker: mark, content: `${marker}\n${text}` };
}
