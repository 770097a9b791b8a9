/**
 * From which ids zones can be given theirs. On a machine: what nobody else uses. In a zone or any other user namespace: what has been
 * mapped into it, above the 65,536 that are its own (user_namespaces(7)).
 */
import { readFileSync } from 'node:fs';

export interface IdSpace {
  readonly first: number;
  /** The first that is none of them. */
  readonly end: number;
  /** In a user namespace that is not the machine's first. */
  readonly isInner: boolean;
}

/** One zone's share: what 16-bit user ids need. */
export const idsPerZone = 65_536;

/** Above what distributions give to people and to systemd's dynamic ranges (systemd: UIDS-GIDS). */
const machine: IdSpace = { first: 0x1000_0000, end: 0x7000_0000, isInner: false };

let known: IdSpace | undefined;

export function idSpace(): IdSpace {
  known ??= spaceOf(readMap('/proc/self/uid_map'), () => readMap('/proc/self/gid_map'));
  return known;
}

function readMap(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return wholeMap;
  }
}

const wholeMap = '0 0 4294967295';

/** By uid_map and gid_map: the longest run of ids that both have. */
export function spaceOf(uidMap: string, gidMap: () => string): IdSpace {
  if (uidMap.trim().split(/\s+/).join(' ') === wholeMap) return machine;
  const [uids, gids] = [runsOf(uidMap), runsOf(gidMap())];
  const both = uids.flatMap((uid) => gids.map((gid) => common(uid, gid)));
  const longest = both.toSorted((a, b) => b.end - b.first - (a.end - a.first))[0];
  return { ...(longest ?? { first: idsPerZone, end: idsPerZone }), isInner: true };
}

interface Run {
  readonly first: number;
  readonly end: number;
}

/** Extents that follow one another are one. */
function runsOf(map: string): Run[] {
  const extents = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([inside = 0, , count = 0]) => ({ first: inside, end: inside + count }))
    .toSorted((a, b) => a.first - b.first);
  const runs: Run[] = [];
  for (const extent of extents) {
    const last = runs.at(-1);
    if (last?.end === extent.first) runs[runs.length - 1] = { first: last.first, end: extent.end };
    else runs.push(extent);
  }
  return runs;
}

function common(a: Run, b: Run): Run {
  const first = Math.max(a.first, b.first, idsPerZone);
  return { first: Math.ceil(first / idsPerZone) * idsPerZone, end: Math.min(a.end, b.end) };
}
