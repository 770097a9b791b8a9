/** Whose ids a zone has, and what it is to the host with them. */

/** auto: a range of its own, leased · range: the one that was told · host: no user namespace, its ids are the host's. */
export type UsernsSpec =
  | {
      readonly kind: 'auto';
      /** How many at least; what the zone needs if it does not say. */
      readonly count?: number;
    }
  | { readonly kind: 'host' }
  | {
      readonly kind: 'range';
      readonly base: number;
      readonly count: number;
      /** It may be somebody else's, too, who has said the same. */
      readonly shared: boolean;
    };

/** What 16-bit user ids need. */
export const fewestIds = 65_536;
/** Of a zone that is to hold zones: its own, and those of fifteen more. */
export const nestingIds = 16 * fewestIds;
/** 2^32 - 1 stands for "no id" (chown(2)). */
const endOfIds = 0xffff_ffff;

export const hostIds = { base: 0, count: endOfIds } as const;

/** `auto`, `auto:SIZE`, `host`, `BASE:SIZE[,shared]`. */
export function parseUserns(text: string): UsernsSpec | undefined {
  if (text === 'auto' || text === 'host') return { kind: text };
  const size = Number(/^auto:(\d{1,10})$/.exec(text)?.[1]);
  if (size >= fewestIds && size <= endOfIds) return { kind: 'auto', count: size };
  const match = /^(\d{1,10}):(\d{1,10})(,shared)?$/.exec(text);
  if (match === null) return undefined;
  const [base, count] = [Number(match[1]), Number(match[2])];
  if (base === 0 || count < fewestIds || base + count > endOfIds) return undefined;
  return { kind: 'range', base, count, shared: match[3] !== undefined };
}

/** The reverse. */
export function formatUserns(userns: UsernsSpec): string {
  if (userns.kind === 'range') return `${userns.base}:${userns.count}${userns.shared ? ',shared' : ''}`;
  return userns.kind === 'auto' && userns.count !== undefined ? `auto:${userns.count}` : userns.kind;
}

/** How many ids a zone gets that is not told which: whole blocks, since each zone inside takes one. */
export function idCount({ userns, nesting = false }: Partial<Pick<ModeSpec, 'userns' | 'nesting'>>): number {
  if (userns?.kind === 'range') return userns.count;
  const count = userns?.kind === 'auto' ? userns.count : undefined;
  return Math.ceil((count ?? (nesting ? nestingIds : fewestIds)) / fewestIds) * fewestIds;
}

/**
 * isolated: its root is nobody to the host · nesting: the same, but it may make user namespaces, and so zones · shared-ids: as
 * isolated, but another zone or user of the host may have its ids, too · host-ids: its root is the host's root, with few
 * capabilities · privileged: with all that there are.
 */
export type ZoneMode = 'isolated' | 'nesting' | 'shared-ids' | 'host-ids' | 'privileged';

interface ModeSpec {
  readonly privileged: boolean;
  readonly userns: UsernsSpec;
  /** Records of before there was nesting have no word on it. */
  readonly nesting?: boolean;
}

export function modeOf({ privileged, userns, nesting = false }: ModeSpec): ZoneMode {
  if (privileged) return 'privileged';
  if (userns.kind === 'host') return 'host-ids';
  if (nesting) return 'nesting';
  return userns.kind === 'range' && userns.shared ? 'shared-ids' : 'isolated';
}

/** Without a user namespace of its own. */
export const hasHostIds = (spec: ModeSpec): boolean => spec.privileged || spec.userns.kind === 'host';

/** How a note begins that must not be overlooked. */
export const warningMark = 'warning: ';

/** What must not be overlooked when such a zone is made or started, or such `what`. */
export function modeWarnings(
  spec: ModeSpec & { readonly name: string; readonly net: { readonly kind: string } },
  what = `zone "${spec.name}"`,
): string[] {
  const network = spec.net.kind === 'host' ? ", and its network the host's" : '';
  const texts: Readonly<Record<ZoneMode, readonly string[]>> = {
    isolated: [],
    nesting: [
      `${warningMark}${what} may make user namespaces: more of the kernel is open to its root than to that of other zones`,
    ],
    'shared-ids': [
      `${warningMark}${what} shares its user ids: who has the same ones can signal its processes and read its files`,
    ],
    'host-ids': [
      `${warningMark}${what} has no user namespace: its root is the host's root, held by capabilities and read-only mounts alone${network}`,
    ],
    privileged: [
      `${warningMark}${what} is privileged: its root is the host's root with every capability and device, and can do anything to this host`,
    ],
  };
  return [...texts[modeOf(spec)]];
}
