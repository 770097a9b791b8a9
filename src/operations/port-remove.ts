/** `port remove`: the reverse of `port add`. */
import { zoneError } from '../errors/index.js';
import { undoHostOp } from '../plan/index.js';
import { changeSpec, formatPort, type PortSpec, type ZoneSpec } from '../spec/index.js';
import { readRunning, readZone, writeZone } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { changePrepared, type PortResult, planPorts } from './port-add.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

/**
 * Takes ports back, each named as it was published, or by its host side: `8080`, `127.0.0.1:8080`, `53/udp`.
 *
 * @throws ZONE_NOT_FOUND, PORT_NOT_FOUND
 */
export async function removePorts(
  host: HostContext,
  zone: string,
  texts: readonly string[],
  options: OperationOptions = {},
): Promise<PortResult> {
  await using _lock = await lockZone(host, zone, options);
  const record = await readZone(host.roots, zone);
  const { gone, spec } = removedPorts(record.spec, texts);
  await writeZone(host.roots, { ...record, spec });
  if ((await readRunning(host.roots, zone)) !== undefined) await unpublish(host, record.spec, gone);
  return { zone, ports: spec.port.map(formatPort) };
}

/** @throws PORT_NOT_FOUND */
export function removedPorts(spec: ZoneSpec, texts: readonly string[]): { gone: PortSpec[]; spec: ZoneSpec } {
  const gone = new Set(texts.flatMap((text) => matching(spec.name, spec.port, text)));
  return { gone: [...gone], spec: changeSpec(spec, { port: spec.port.filter((port) => !gone.has(port)) }) };
}

async function unpublish(host: HostContext, spec: ZoneSpec, ports: readonly PortSpec[]): Promise<void> {
  const ops = await planPorts(host.roots, spec, ports);
  for (const op of ops) await undoHostOp(op);
  const texts = new Set(ops.map((op) => JSON.stringify(op)));
  await changePrepared(host, spec.name, (prepared) => prepared.filter((op) => !texts.has(JSON.stringify(op))));
}

function matching(zone: string, ports: readonly PortSpec[], text: string): PortSpec[] {
  const found = ports.filter((port) => namesOf(port).includes(text));
  if (found.length > 0) return found;
  throw zoneError('PORT_NOT_FOUND', `zone "${zone}" does not publish port "${text}"`, {
    hint:
      ports.length === 0
        ? `Publish one first: tszone port add ${zone} 8080:80`
        : `It publishes ${ports.map(formatPort).join(', ')}.`,
    context: { zone, port: text },
  });
}

/** All the ways to write it: with or without the zone's port and the address. */
function namesOf(port: PortSpec): string[] {
  const full = formatPort(port);
  const [text = '', protocol] = full.split('/');
  const suffix = protocol === undefined ? [''] : [`/${protocol}`];
  const tcp = port.protocol === 'tcp' ? ['', '/tcp'] : suffix;
  const hostSide = text.slice(0, text.lastIndexOf(':'));
  const bases = [text, hostSide, `${port.hostPort}`, `${port.hostPort}:${port.zonePort}`];
  return bases.flatMap((base) => tcp.map((end) => `${base}${end}`));
}
