/** What `snapshot` commands show of a snapshot. */
import type { SnapshotRecord } from '../state/index.js';

export interface SnapshotView {
  readonly zone: string;
  readonly name: string;
  readonly comment?: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly pool: string;
  /** How many frozen layers it is made of, on top of the image's. */
  readonly layers: number;
  readonly image: string;
  readonly wasRunning: boolean;
  /** How long a running zone stood still. */
  readonly frozenMs?: number;
  /** What had to be copied: of a stopped zone nothing, but for the /usr/local of a sparse one. */
  readonly copiedBytes: number;
}

/** Pure. */
export function describeSnapshot(zone: string, record: SnapshotRecord): SnapshotView {
  const { name, comment, createdAtMs, expiresAtMs, pool, layers, image, wasRunning, frozenMs, copiedBytes } = record;
  return {
    zone,
    name,
    ...(comment === undefined ? {} : { comment }),
    createdAt: new Date(createdAtMs).toISOString(),
    ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
    pool,
    layers: layers.length,
    image: image.name,
    wasRunning,
    ...(frozenMs === undefined ? {} : { frozenMs }),
    copiedBytes,
  };
}
