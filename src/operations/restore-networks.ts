/** What a firewall's reload (`nft flush ruleset`) takes from zones that run: the rules of what they may send, and their published ports. */
import { type NetOp, type PortOp, publishedPorts } from '../netif/index.js';
import { applyHostOp } from '../plan/index.js';
import { formatPort, type ZoneSpec } from '../spec/index.js';
import { readFirstProcess, readZones } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { lockZone } from './zone-lock.js';
import { readLaunch } from './zone-ref.js';

/**
 * Makes all of it anew that is missing; what is there stays as it is.
 *
 * @returns the zones whose ports had been taken
 * @throws PORT_IN_USE somebody else has one by now
 */
export async function restoreNetworks(host: HostContext): Promise<string[]> {
  const restored: string[] = [];
  for (const { spec } of await readZones(host.roots)) {
    if (spec.net.kind === 'bridge' && (await restoreZone(host, spec))) restored.push(spec.name);
  }
  return restored;
}

interface ZoneNetwork {
  readonly prepared: readonly NetOp[];
  readonly ports: readonly PortOp[];
  /** Of these nobody knows any more. */
  readonly missing: readonly PortOp[];
}

/** Of a zone that runs or is prepared. */
async function networkOf({ roots }: HostContext, { name, port }: ZoneSpec): Promise<ZoneNetwork | undefined> {
  if ((await readFirstProcess(roots, name)) === undefined) return undefined;
  const prepared = ((await readLaunch(roots, name))?.prepared ?? []) as readonly NetOp[];
  const published = (await publishedPorts(roots)).map(formatPort);
  // Also noted are those that have been taken back meanwhile.
  const wanted = port.map(formatPort);
  const ports = prepared.filter((op): op is PortOp => op.op === 'net.port' && wanted.includes(formatPort(op)));
  return { prepared, ports, missing: ports.filter((op) => !published.includes(formatPort(op))) };
}

/** What would be published again, by zone. */
export async function missingPorts(
  host: HostContext,
): Promise<readonly { readonly zone: string; readonly ops: readonly PortOp[] }[]> {
  const found: { zone: string; ops: readonly PortOp[] }[] = [];
  for (const { spec } of await readZones(host.roots)) {
    const ops = spec.net.kind === 'bridge' ? ((await networkOf(host, spec))?.missing ?? []) : [];
    if (ops.length > 0) found.push({ zone: spec.name, ops });
  }
  return found;
}

async function restoreZone(host: HostContext, spec: ZoneSpec): Promise<boolean> {
  await using _lock = await lockZone(host, spec.name);
  const found = await networkOf(host, spec);
  if (found === undefined) return false;
  const { prepared, ports, missing } = found;
  for (const op of prepared.filter(({ op }) => op === 'net.nft')) await applyHostOp(op);
  for (const op of ports) await applyHostOp(op);
  return missing.length > 0;
}
