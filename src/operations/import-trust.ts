/** What an exported zone asks for that could be of use against the host: given only to a file that is trusted. */
import { zoneError } from '../errors/index.js';
import { changeSpec, type ZoneSpec } from '../spec/index.js';
import type { HostDirectory } from '../state/index.js';
import type { ExportManifest } from './export-manifest.js';

/** ask: refused, each by its name · trust: all is given · restrict: the zone is made without. */
export type Trust = 'ask' | 'trust' | 'restrict';

interface Demand {
  readonly name: string;
  readonly isMade: (spec: ZoneSpec) => boolean;
  /** What the zone has instead. */
  readonly without: (spec: ZoneSpec) => Partial<ZoneSpec>;
}

const isPrivate = ({ hostAddress, hostPort }: ZoneSpec['port'][number]) =>
  (hostAddress.startsWith('127.') || hostAddress === '::1') && hostPort >= 1024;

const demands: readonly Demand[] = [
  { name: 'privileged', isMade: ({ privileged }) => privileged, without: () => ({ privileged: false }) },
  { name: 'userns', isMade: ({ userns }) => userns.kind !== 'auto', without: () => ({ userns: { kind: 'auto' } }) },
  { name: 'mount', isMade: ({ mount }) => mount.length > 0, without: () => ({ mount: [] }) },
  { name: 'device', isMade: ({ device }) => device.length > 0, without: () => ({ device: [] }) },
  { name: 'capAdd', isMade: ({ capAdd }) => capAdd.length > 0, without: () => ({ capAdd: [] }) },
  { name: 'seccomp', isMade: ({ seccomp }) => seccomp !== 'default', without: () => ({ seccomp: 'default' }) },
  { name: 'net', isMade: ({ net }) => net.kind === 'host', without: () => ({ net: { kind: 'none' } }) },
  { name: 'usrLocal', isMade: ({ usrLocal }) => usrLocal, without: () => ({ usrLocal: false }) },
  {
    name: 'port',
    isMade: ({ port }) => !port.every(isPrivate),
    without: ({ port }) => ({ port: port.filter(isPrivate) }),
  },
];

export interface Trusted {
  readonly spec: ZoneSpec;
  readonly hostDirs: readonly HostDirectory[];
  /** What was left out, by the names of the fields. */
  readonly leftOut: readonly string[];
}

/**
 * @param ownDirs directories of this host that a sparse zone has here
 * @throws EXPORT_UNTRUSTED with every field
 */
export function judgeImport(
  { image, spec, label }: { readonly image: ExportManifest['image']; readonly spec: ZoneSpec; readonly label: string },
  trust: Trust,
  ownDirs: readonly HostDirectory[],
): Trusted {
  const asked = image.config.hostDirs ?? [];
  const wantsDirs = image.kind === 'sparse' ? !isWithin(asked, ownDirs) : asked.length > 0;
  const made = demands.filter(({ isMade }) => isMade(spec));
  const names = [...made.map(({ name }) => name), ...(wantsDirs ? ['hostDirs'] : [])];
  if (names.length === 0) return { spec, hostDirs: asked, leftOut: [] };
  if (trust === 'ask') throw untrusted(label, names);
  if (trust === 'trust') return { spec, hostDirs: asked, leftOut: [] };
  const without = Object.assign({}, ...made.map((demand) => demand.without(spec))) as Partial<ZoneSpec>;
  const ownOnly = image.kind === 'sparse' ? ownDirs : [];
  return { spec: changeSpec(spec, without), hostDirs: wantsDirs ? ownOnly : asked, leftOut: names };
}

function isWithin(asked: readonly HostDirectory[], own: readonly HostDirectory[]): boolean {
  return asked.every(({ source, target }) => own.some((one) => one.source === source && one.target === target));
}

function untrusted(zone: string, fields: readonly string[]): Error {
  const list = fields.map((field) => `"${field}"`).join(', ');
  return zoneError('EXPORT_UNTRUSTED', `the exported zone "${zone}" asks for what could harm this host: ${list}`, {
    hint: 'Pass --trust if you know where the file comes from, or --restrict to make the zone without.',
    context: { zone, fields },
  });
}
