/** `port add`: saved with the zone, and in force at once if it runs. */
import { zoneError } from '../errors/index.js';
import { type PortOp, planPort } from '../netif/index.js';
import { changeSpec, formatPort, type HostOpBase, type PortSpec, parsePort, type ZoneSpec } from '../spec/index.js';
import {
  type Roots,
  readRunning,
  readZone,
  writeJson,
  writeZone,
  type ZoneRecord,
  zoneLeases,
  zonePaths,
} from '../state/index.js';
import type { HostContext } from './host-context.js';
import { applyAll } from './transaction.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { readLaunch } from './zone-ref.js';

export interface PortResult {
  readonly zone: string;
  /** All that the zone publishes now: `127.0.0.1:8080:80`. */
  readonly ports: readonly string[];
}

/**
 * Publishes `[ADDR:]HOST:ZONE[/udp]`; what is published already is success.
 *
 * @throws ZONE_NOT_FOUND, USAGE_BAD_ARGUMENT, SPEC_INVALID (without a network interface), PORT_IN_USE
 */
export async function addPorts(
  host: HostContext,
  zone: string,
  texts: readonly string[],
  options: OperationOptions = {},
): Promise<PortResult> {
  const wanted = texts.map(requirePort);
  await using _lock = await lockZone(host, zone, options);
  const record = await readZone(host.roots, zone);
  const { fresh, spec } = withPorts(record.spec, wanted);
  if ((await readRunning(host.roots, zone)) !== undefined) await publish(host, record, fresh);
  await writeZone(host.roots, { ...record, spec });
  return { zone, ports: spec.port.map(formatPort) };
}

/** @throws USAGE_BAD_ARGUMENT, SPEC_INVALID */
export function addedPorts(spec: ZoneSpec, texts: readonly string[]): { fresh: PortSpec[]; spec: ZoneSpec } {
  return withPorts(spec, texts.map(requirePort));
}

function withPorts(spec: ZoneSpec, wanted: readonly PortSpec[]): { fresh: PortSpec[]; spec: ZoneSpec } {
  const known = spec.port.map(formatPort);
  const fresh = wanted.filter((port) => !known.includes(formatPort(port)));
  return { fresh, spec: changeSpec(spec, { port: [...spec.port, ...fresh] }) };
}

/** They are noted first among what a stop takes back: killed in between, nothing is left over. */
async function publish(host: HostContext, { spec }: ZoneRecord, ports: readonly PortSpec[]): Promise<void> {
  const ops = await planPorts(host.roots, spec, ports);
  await changePrepared(host, spec.name, (prepared) => [...prepared, ...ops]);
  await applyAll(ops);
}

/** Ports lead to the zone's first interface. */
export async function planPorts(roots: Roots, spec: ZoneSpec, ports: readonly PortSpec[]): Promise<PortOp[]> {
  const first = spec.net.kind === 'bridge' ? spec.net.interfaces[0]?.name : undefined;
  const lease = (await zoneLeases(roots, spec.name)).find((one) => one.interfaceName === first);
  return ports.map((port) => planPort(roots, lease, port));
}

/** Changes what the running zone's end takes back. Call with the zone's lock held. */
export async function changePrepared(
  host: HostContext,
  zone: string,
  change: (prepared: readonly HostOpBase[]) => readonly HostOpBase[],
): Promise<void> {
  const launch = await readLaunch(host.roots, zone);
  if (launch === undefined) return;
  await writeJson(zonePaths(host.roots, zone).launch, { ...launch, prepared: change(launch.prepared) });
}

function requirePort(text: string): PortSpec {
  const port = parsePort(text);
  if (port !== undefined) return port;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" is not a port to publish`, {
    hint: 'Write it as [ADDR:]HOST:ZONE[/udp], such as 8080:80 or 0.0.0.0:53:53/udp.',
    context: { port: text },
  });
}
