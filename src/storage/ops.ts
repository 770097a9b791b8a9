/** What can be done to volumes, as data. */
import type { Opening, Pool, VolumeLimits } from './driver.js';

/** Undo: removed, with what has been written to it. */
export interface VolumeCreateOp extends VolumeLimits {
  readonly op: 'storage.create';
  readonly pool: Pool;
  readonly volume: string;
  /** Frozen layers that it shows. */
  readonly from: readonly string[];
}

/** For delete. Undo: nothing. */
export interface VolumeRemoveOp {
  readonly op: 'storage.remove';
  readonly pool: Pool;
  readonly volume: string;
}

/** Undo: closed. */
export interface VolumeOpenOp extends Opening {
  readonly op: 'storage.open';
  readonly pool: Pool;
}

/** Undo: the bounds that were. */
export interface VolumeResizeOp {
  readonly op: 'storage.resize';
  readonly pool: Pool;
  readonly volume: string;
  readonly isOpen: boolean;
  readonly limits: VolumeLimits;
  readonly previous: VolumeLimits;
}

export type StorageOp = VolumeCreateOp | VolumeRemoveOp | VolumeOpenOp | VolumeResizeOp;
