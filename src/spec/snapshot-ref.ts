/** How a snapshot is named: `zone@snapshot`. */
import { zoneError } from '../errors/index.js';
import { namePattern } from './names.js';

export interface SnapshotRef {
  readonly zone: string;
  /** Absent: the zone as it is now. */
  readonly snapshot?: string | undefined;
}

/** `ZONE` or `ZONE@SNAPSHOT`; undefined: neither. */
export function parseSnapshotRef(text: string): SnapshotRef | undefined {
  const [zone = '', ...rest] = text.split('@');
  const [snapshot] = rest;
  if (!namePattern.test(zone) || rest.length > 1) return undefined;
  if (snapshot === undefined) return { zone };
  return namePattern.test(snapshot) ? { zone, snapshot } : undefined;
}

/** @throws USAGE_BAD_ARGUMENT */
export function requireSnapshotRef(text: string): SnapshotRef {
  const ref = parseSnapshotRef(text);
  if (ref !== undefined) return ref;
  throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" is neither a zone nor ZONE@SNAPSHOT`, {
    hint: 'Write web, or web@before; names start with a letter or digit, then a-z 0-9 _ . -, at most 63. See "tszone snapshot list".',
  });
}

export const isSnapshotName = (name: string): boolean => namePattern.test(name);
