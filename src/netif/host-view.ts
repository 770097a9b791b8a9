/** What the kernel says about this host's network, from /proc: routes, links, sysctls. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { zoneError } from '../errors/index.js';
import { type IpRange, parseRange } from '../spec/ip.js';
import { isErrno } from '../state/index.js';
import { bridgeName, isOwnLink, isPort } from './names.js';

/** Kernel files answer from memory: reading them at once is ten times quicker than by way of the thread pool. */
function kernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    // No such interface, or a kernel without it. Some attributes of a link that is being taken down: EINVAL.
    if (isErrno(error, 'ENOENT', 'EINVAL', 'ENODEV')) return undefined;
    throw error;
  }
}

/** An attribute of a link: `ifindex`, `mtu`, `ifalias`; `undefined` if there is no such link. */
export function linkAttribute(link: string, attribute: string): string | undefined {
  return kernelFile(`/sys/class/net/${link}/${attribute}`);
}

/** Whether a root has a bridge now. */
export function hasBridge(instance: string): boolean {
  return readdirSync('/sys/class/net').some((name) => name.startsWith(bridgeName(instance, '')));
}

function lines(path: string): string[][] {
  return (kernelFile(path) ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/));
}

/** A 32-bit word as /proc/net prints it: the machine's order. */
function wordValue(hex: string): bigint {
  const bytes = Buffer.alloc(4);
  const view = new Uint32Array(bytes.buffer, bytes.byteOffset, 1);
  view[0] = Number.parseInt(hex, 16);
  return BigInt(bytes.readUInt32BE(0));
}

const maskBits = (value: bigint) => value.toString(2).replaceAll('0', '').length;

export interface HostRoute {
  readonly interfaceName: string;
  readonly range: IpRange;
  /** Learnt from a router advertisement (RTF_ADDRCONF). */
  readonly advertised: boolean;
}

const RTF_ADDRCONF = 0x0004_0000;
const RTF_LOCAL = 0x8000_0000;

const isNotLoopback = (route: HostRoute) => route.interfaceName !== 'lo';

function routes4(): HostRoute[] {
  return lines('/proc/net/route')
    .slice(1)
    .map(([interfaceName = '', destination = '0', , , , , , mask = '0']) => ({
      interfaceName,
      range: { family: 4 as const, base: wordValue(destination), prefix: maskBits(wordValue(mask)) },
      advertised: false,
    }))
    .filter(isNotLoopback);
}

function routes6(): HostRoute[] {
  const routes = lines('/proc/net/ipv6_route').flatMap((fields) => {
    const [destination = '0', prefix = '0'] = fields;
    const [flags = '0', interfaceName = 'lo'] = fields.slice(-2);
    // A thousand zones have some thousand of these, and nobody asks for them.
    if (isPort(interfaceName)) return [];
    const bits = Number.parseInt(flags, 16);
    if ((bits & RTF_LOCAL) !== 0 || destination.startsWith('ff')) return [];
    const range = { family: 6 as const, base: BigInt(`0x${destination}`), prefix: Number.parseInt(prefix, 16) };
    return [{ interfaceName, range, advertised: (bits & RTF_ADDRCONF) !== 0 }];
  });
  return routes.filter(isNotLoopback);
}

/** Routes of the main tables, without the loopback's and those of single own addresses. */
export const hostRoutes = (): HostRoute[] => [...routes4(), ...routes6()];

/** Interfaces through which the host reaches something, ours excepted. */
export function uplinks(family: 4 | 6): string[] {
  const routes = family === 4 ? routes4() : routes6();
  return [...new Set(routes.map((route) => route.interfaceName).filter((name) => !isOwnLink(name)))];
}

/** Ranges that a new network must stay clear of: the host's addresses and routes, the default routes excepted. */
export function usedRanges(): IpRange[] {
  const addresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((one) => (one?.cidr == null ? [] : [parseRange(one.cidr)]));
  const routes = hostRoutes()
    .map((route) => route.range)
    .filter((range) => range.prefix > 0);
  return [...addresses, ...routes].filter((range) => range !== undefined);
}

/** The smallest MTU of the interfaces with a default route: what a zone's packets must fit through. */
export function uplinkMtu(): number {
  const names = hostRoutes()
    .filter((route) => route.range.prefix === 0)
    .map((route) => route.interfaceName);
  const sizes = [...new Set(names)].map((name) => Number(linkAttribute(name, 'mtu'))).filter((mtu) => mtu >= 1280);
  return Math.min(1500, ...sizes);
}

/** Whether the kernel has IPv6, switched on. */
export function hasIpv6(): boolean {
  return readSysctl('net/ipv6/conf/default/disable_ipv6') === '0';
}

/** `net/ipv4/conf/eth0/forwarding` → its value; `undefined` if this kernel or interface has none. */
export function readSysctl(key: string): string | undefined {
  return kernelFile(`/proc/sys/${key}`);
}

/** Interfaces that have IPv6 settings, `all` and `default` among them. */
export function ipv6Interfaces(): string[] {
  try {
    return readdirSync('/proc/sys/net/ipv6/conf');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** @throws HOST_FEATURE_MISSING /proc/sys is read-only (in a container) */
export function writeSysctl(key: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${key}`, value);
  } catch (cause) {
    if (!isErrno(cause, 'EROFS', 'EACCES', 'EPERM')) throw cause;
    throw zoneError('HOST_FEATURE_MISSING', `cannot set "${key.replaceAll('/', '.')}" to ${value}`, {
      hint: `Make /proc/sys writable, or set it beforehand: sysctl -w ${key.replaceAll('/', '.')}=${value}`,
      context: { key, value, errno: cause.code },
      cause,
    });
  }
}
