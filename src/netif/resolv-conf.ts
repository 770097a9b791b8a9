/** resolv.conf(5) for a zone, from the host's: a resolver on the host's loopback is out of a zone's reach. */

import { isIP } from 'node:net';
import { readFile } from '../host/quick-fs.js';
import { isErrno } from '../state/index.js';

export interface ResolvConfWish {
  /** Name servers; empty: the host's. */
  readonly dns: readonly string[];
  /** Search domains; empty: the host's. */
  readonly search: readonly string[];
  /** The zone is in the host's net namespace: there the loopback is the host's. */
  readonly hostNetwork: boolean;
}

export interface ResolvConf {
  readonly text: string;
  /** A sentence for people, if names will not resolve, or not as on the host. */
  readonly warning?: string | undefined;
}

/** Where local resolvers write which servers they ask themselves. */
const upstreamFiles = [
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
  '/run/resolvconf/resolv.conf',
];

/** Text of the zone's /etc/resolv.conf. */
export async function readResolvConf(wish: ResolvConfWish): Promise<string> {
  return (await findResolvConf(wish)).text;
}

export async function findResolvConf(wish: ResolvConfWish): Promise<ResolvConf> {
  const host = await readOptional('/etc/resolv.conf');
  const upstreams = await Promise.all(upstreamFiles.map(readOptional));
  return makeResolvConf(wish, host, upstreams);
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return '';
    throw error;
  }
}

interface Parsed {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

function parse(text: string): Parsed {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  const after = (...keys: string[]) => rows.filter((row) => keys.includes(row[0] ?? '')).map((row) => row.slice(1));
  return {
    servers: after('nameserver').flatMap(([server]) => (server === undefined ? [] : [server])),
    // The last of several holds (resolv.conf(5)).
    search: after('search', 'domain').at(-1) ?? [],
    options: after('options').flat(),
  };
}

/** Loopback and unspecified addresses mean the host itself; link-local ones mean one of its interfaces. */
function isReachable(server: string): boolean {
  const [address = ''] = server.split('%');
  if (isIP(address) === 0 || address !== server) return false;
  return !/^127\.|^0\.0\.0\.0$|^::1$|^::$|^fe[89ab]/i.test(address);
}

/**
 * Pure: from what is wished, the host's file, and the files with its resolver's own servers, best first. What is wished
 * wins; then the host's own servers that a zone can reach; then the first of the files that has such.
 */
export function makeResolvConf(wish: ResolvConfWish, host: string, upstreams: readonly string[]): ResolvConf {
  if (wish.hostNetwork && wish.dns.length === 0 && wish.search.length === 0) return { text: host };
  const own = parse(host);
  const reachable = wish.hostNetwork ? own.servers : own.servers.filter(isReachable);
  const candidates = [reachable, ...upstreams.map((text) => parse(text).servers.filter(isReachable))];
  const servers = wish.dns.length > 0 ? wish.dns : (candidates.find((list) => list.length > 0) ?? []);
  const search = wish.search.length > 0 ? wish.search : own.search.filter((domain) => domain !== '.');
  const options = own.options.filter((option) => option !== 'trust-ad');
  const lines = [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  if (servers.length > 0) return { text: `${lines.join('\n')}\n` };
  const warning = `the host's only name server (${own.servers.join(', ') || 'none'}) cannot be reached from a zone: give one with --dns`;
  return { text: `${[`# tszone: ${warning}`, ...lines].join('\n')}\n`, warning };
}
