/** What a clone is asked to be: what its source is, but for what only one of them can have. */
import { changeSpec, formatPort, parseZoneChange, type ZoneChange, type ZoneSpec } from '../spec/index.js';

export interface CloneWish {
  readonly name: string;
  /** Nothing is left out; what the source still holds is then refused when it is leased. */
  readonly keepIdentity: boolean;
  /** Deleted when it ends. */
  readonly ephemeral: boolean;
  readonly change: ZoneChange;
}

/** Pure. @throws SPEC_INVALID */
export function cloneSpec(
  source: ZoneSpec,
  { name, keepIdentity, ephemeral, change }: CloneWish,
): { readonly spec: ZoneSpec; readonly notes: readonly string[] } {
  const parsed = parseZoneChange(change);
  const own = keepIdentity ? { spec: source, notes: [] } : withoutIdentity(source, Object.keys(parsed));
  const restart = ephemeral ? { policy: 'no' as const } : own.spec.restart;
  return { spec: changeSpec({ ...own.spec, name, ephemeral, restart }, parsed), notes: own.notes };
}

function withoutIdentity(source: ZoneSpec, given: readonly string[]): { spec: ZoneSpec; notes: string[] } {
  const { hostname: _hostname, ...rest } = source;
  const spec = { ...rest, port: [], net: withoutAddresses(source.net), userns: withoutRange(source.userns) };
  const notes = [...portNotes(source), ...addressNotes(source), ...rangeNotes(source)];
  return { spec, notes: notes.filter(([key]) => !given.includes(key)).map(([, text]) => text) };
}

type Note = readonly [key: keyof ZoneSpec, text: string];

function portNotes({ port, name }: ZoneSpec): Note[] {
  if (port.length === 0) return [];
  return [
    ['port', `published ports stay with "${name}": ${port.map(formatPort).join(', ')}; pass -p to publish others`],
  ];
}

function addressNotes({ net, name }: ZoneSpec): Note[] {
  if (net.kind !== 'bridge') return [];
  const fixed = net.interfaces.flatMap(({ ip, ip6 }) => [ip, ip6]).filter((one) => one !== undefined);
  if (fixed.length === 0) return [];
  return [['net', `addresses stay with "${name}": ${fixed.join(', ')}; pass --net to give others`]];
}

function rangeNotes({ userns, name }: ZoneSpec): Note[] {
  if (userns.kind !== 'range' || userns.shared) return [];
  return [['userns', `the ids of --userns stay with "${name}"; the clone has a range of its own`]];
}

/** Its interfaces, to be given others. */
export function withoutAddresses(net: ZoneSpec['net']): ZoneSpec['net'] {
  if (net.kind !== 'bridge') return net;
  return { kind: 'bridge', interfaces: net.interfaces.map(({ ip: _ip, ip6: _ip6, mac: _mac, ...rest }) => rest) };
}

function withoutRange(userns: ZoneSpec['userns']): ZoneSpec['userns'] {
  return userns.kind === 'range' && !userns.shared ? { kind: 'auto' } : userns;
}
