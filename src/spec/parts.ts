/** The compound values of flags: mounts, ports, tmpfs, interfaces, resource limits, restart policies. */
import { isIP, isIPv4 } from 'node:net';
import { isAbsolute, normalize } from 'node:path';
import { parseSize } from './quantities.js';

/** A host directory or file inside the zone. */
export interface MountSpec {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** A fresh, empty tmpfs. */
export interface TmpfsSpec {
  readonly path: string;
  readonly sizeBytes?: number | undefined;
}

/** A port of the host that is answered by the zone. */
export interface PortSpec {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly zonePort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** A veth on a network's bridge. */
export interface InterfaceSpec {
  readonly network: string;
  readonly name: string;
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
}

export type NetSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'host' }
  | { readonly kind: 'bridge'; readonly interfaces: readonly InterfaceSpec[] };

export interface RlimitSpec {
  readonly resource: string;
  readonly soft: number | 'unlimited';
  readonly hard: number | 'unlimited';
}

export interface RestartSpec {
  readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Only with `on-failure`: how often at most; `undefined`: without end. */
  readonly maxRetries?: number | undefined;
}

/** setrlimit(2): the name that people use → the kernel's RLIMIT_ number. */
export const rlimits: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

/** A canonical absolute path without `..`, or `undefined`. */
export function parseZonePath(text: string): string | undefined {
  if (!isAbsolute(text) || text.includes('\0') || text.split('/').includes('..')) return undefined;
  const path = normalize(text);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** A word, or the path of a profile. */
export function parseSeccomp(text: string): string | undefined {
  return text === 'default' || text === 'unconfined' ? text : parseZonePath(text);
}

/** `SRC:DST[:ro|rw]`. */
export function parseMount(text: string): MountSpec | undefined {
  const parts = text.split(':');
  const mode = parts.length === 3 ? parts[2] : 'rw';
  if (parts.length < 2 || parts.length > 3 || (mode !== 'ro' && mode !== 'rw')) return undefined;
  const source = parseZonePath(parts[0] ?? '');
  const target = parseZonePath(parts[1] ?? '');
  if (source === undefined || target === undefined || target === '/') return undefined;
  return { source, target, readOnly: mode === 'ro' };
}

/** `PATH[:SIZE]`. */
export function parseTmpfs(text: string): TmpfsSpec | undefined {
  const [where = '', size, ...rest] = text.split(':');
  const path = parseZonePath(where);
  const sizeBytes = size === undefined ? undefined : parseSize(size);
  if (path === undefined || path === '/' || rest.length > 0 || (size !== undefined && sizeBytes === undefined))
    return undefined;
  return { path, sizeBytes };
}

/** `[ADDR:]HOST:ZONE[/udp]`; an IPv6 address stands in brackets. 127.0.0.1 unless ADDR. */
export function parsePort(text: string): PortSpec | undefined {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|\d+\.\d+\.\d+\.\d+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (match === null) return undefined;
  const hostAddress = (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '');
  const hostPort = Number(match[2]);
  const zonePort = Number(match[3]);
  const isPort = (port: number) => port >= 1 && port <= 65_535;
  if (isIP(hostAddress) === 0 || !isPort(hostPort) || !isPort(zonePort)) return undefined;
  return { hostAddress, hostPort, zonePort, protocol: match[4] === 'udp' ? 'udp' : 'tcp' };
}

/** As people write a published port: the reverse of parsePort. */
export function formatPort(port: PortSpec): string {
  const address = isIPv4(port.hostAddress) ? port.hostAddress : `[${port.hostAddress}]`;
  return `${address}:${port.hostPort}:${port.zonePort}${port.protocol === 'udp' ? '/udp' : ''}`;
}

/** `NAME=SOFT[:HARD]`, each a number or `unlimited`. `n` stands for nofile, as in `ulimit -n`. */
export function parseRlimit(text: string): RlimitSpec | undefined {
  const match = /^([a-z]+)=(\d+|unlimited)(?::(\d+|unlimited))?$/.exec(text);
  if (match === null) return undefined;
  const resource = match[1] === 'n' ? 'nofile' : (match[1] ?? '');
  const value = (word: string) => (word === 'unlimited' ? ('unlimited' as const) : Number(word));
  const soft = value(match[2] ?? '');
  const hard = match[3] === undefined ? soft : value(match[3]);
  if (!(resource in rlimits)) return undefined;
  if (hard !== 'unlimited' && (soft === 'unlimited' || soft > hard)) return undefined;
  return { resource, soft, hard };
}

/** `no`, `on-failure[:N]`, `always`, `unless-stopped`. */
export function parseRestart(text: string): RestartSpec | undefined {
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d+))?$/.exec(text);
  if (match === null || (match[2] !== undefined && match[1] !== 'on-failure')) return undefined;
  const policy = match[1] as RestartSpec['policy'];
  return match[2] === undefined ? { policy } : { policy, maxRetries: Number(match[2]) };
}
