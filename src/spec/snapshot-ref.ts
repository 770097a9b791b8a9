/** How a snapshot is named: `zone@snapshot`. */
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

export const formatSnapshotRef = ({ zone, snapshot }: SnapshotRef): string =>
  snapshot === undefined ? zone : `${zone}@${snapshot}`;

export const isSnapshotName = (name: string): boolean => namePattern.test(name);
