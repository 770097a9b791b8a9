/** From a checked spec back to what people write: the reverse of parseZoneOptions, for a zone that travels. */
import { formatDevice } from './device.js';
import { formatPort, type InterfaceSpec, type NetSpec } from './parts.js';
import type { ZoneOptions, ZoneSpec } from './schema.js';
import { formatUserns } from './userns.js';

export function zoneOptionsOf(spec: ZoneSpec): ZoneOptions {
  const { mount, tmpfs, port, ulimit, restart, net, userns, device, umask, stopTimeout, stopSignal, ...same } = spec;
  const options = {
    ...same,
    mount: mount.map(({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`),
    tmpfs: tmpfs.map(({ path, sizeBytes }) => (sizeBytes === undefined ? path : `${path}:${sizeBytes}`)),
    port: port.map(formatPort),
    ulimit: ulimit.map(({ resource, soft, hard }) => `${resource}=${soft}:${hard}`),
    restart: restart.maxRetries === undefined ? restart.policy : `${restart.policy}:${restart.maxRetries}`,
    net: formatNet(net),
    userns: formatUserns(userns),
    device: device.map(formatDevice),
    umask: umask === undefined ? undefined : umask.toString(8).padStart(3, '0'),
    stopTimeout: `${stopTimeout}ms`,
    stopSignal,
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ZoneOptions;
}

function formatNet(net: NetSpec): string[] {
  return net.kind === 'bridge' ? net.interfaces.map(formatInterface) : [net.kind];
}

function formatInterface({ network, ip, ip6, mac, name, mtu }: InterfaceSpec): string {
  const pairs = Object.entries({ ip, ip6, mac, name, mtu }).filter(([, value]) => value !== undefined);
  return [`bridge=${network}`, ...pairs.map(([key, value]) => `${key}=${value}`)].join(',');
}
