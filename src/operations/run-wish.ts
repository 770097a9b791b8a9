/** What a `run` asks for, and all that the zone depends on besides: whether one that was made earlier would be made the same now. */

import { stat } from '../host/quick-fs.js';
import { findResolvConf, isBridgeUp } from '../netif/index.js';
import { parseZoneOptions, type ZoneOptions, type ZoneSpec } from '../spec/index.js';
import { defaultPoolName, type Roots, readNetworkRecords, type ZoneImage } from '../state/index.js';
import { ensureImage } from './ensure-image.js';
import type { HostContext } from './host-context.js';
import { withDefaults } from './make-zone.js';
import { withoutProgram } from './run-input.js';
import { imageLayersOf } from './zone-files.js';

export interface RunWish {
  readonly spec: ZoneSpec;
  readonly image: ZoneImage;
  /** Of two wishes with the same one, the zones differ in name and command only. */
  readonly witness: string;
}

/** @returns `undefined`: such a zone is only made when it is asked for */
export async function wishOf(host: HostContext, zone: ZoneOptions): Promise<RunWish | undefined> {
  const parsed = parseZoneOptions(zone);
  const image = await ensureImage(host, parsed.image, { pull: 'never' });
  const spec = withDefaults(zone, parsed, image);
  if (!canWait(spec, image)) return undefined;
  return { spec, image, witness: await witnessOf(host, spec, image) };
}

/** What is given to one zone alone, or is the user's to change behind our back, is looked up when the zone is asked for. */
function canWait(spec: ZoneSpec, { config }: ZoneImage): boolean {
  const { ephemeral, tty, mount, device, port, net, userns, privileged, nesting, pool, seccomp, disk, inodes } = spec;
  const isOfOne =
    mount.length > 0 || device.length > 0 || port.length > 0 || disk !== undefined || inodes !== undefined;
  const isUsual = userns.kind === 'auto' && !privileged && !nesting && (pool ?? defaultPoolName) === defaultPoolName;
  const hasFile = seccomp !== 'default' && seccomp !== 'unconfined';
  const init = spec.init ?? config.init;
  return ephemeral && !tty && !isOfOne && isUsual && !hasFile && init !== 'full' && hasFreeAddresses(net);
}

function hasFreeAddresses(net: ZoneSpec['net']): boolean {
  if (net.kind === 'host') return false;
  if (net.kind === 'none') return true;
  return net.interfaces.every(({ ip, ip6, mac }) => ip === undefined && ip6 === undefined && mac === undefined);
}

async function witnessOf({ roots }: HostContext, spec: ZoneSpec, image: ZoneImage): Promise<string> {
  const { name: _, ...rest } = withoutProgram(spec);
  const layers = await Promise.all(imageLayersOf({ roots }, image).map((path) => stat(path)));
  return JSON.stringify([
    roots,
    rest,
    image,
    layers.map(({ dev, ino }) => [dev, ino]),
    spec.net.kind === 'bridge' ? await networksOf(roots, spec.net) : [],
    await findResolvConf({ dns: spec.dns, search: spec.dnsSearch, hostNetwork: false }),
  ]);
}

async function networksOf(roots: Roots, { interfaces }: Extract<ZoneSpec['net'], { kind: 'bridge' }>) {
  const networks = await readNetworkRecords(roots);
  const used = interfaces.map(({ network }) => network);
  return networks.filter(({ name }) => used.includes(name)).map((one) => [one, isBridgeUp(one.bridge)]);
}
