/** What can be done to volumes, as data. */
import type { Roots } from '../state/index.js';
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

/** A layer in the making. Undo: removed, if nothing is made of it. */
export interface LayerMakeOp {
  readonly op: 'storage.layer';
  readonly roots: Roots;
  readonly pool: Pool;
  readonly layer: string;
}

/** Those that nothing is made of any more are removed. Undo: nothing. */
export interface LayerSweepOp {
  readonly op: 'storage.sweep';
  readonly roots: Roots;
  readonly pool: Pool;
  readonly layers: readonly string[];
}

/** What a stopped zone has written becomes a layer. Undo: nothing; it is only ever completed. */
export interface FreezeOp {
  readonly op: 'storage.freeze';
  readonly pool: Pool;
  readonly volume: string;
  readonly layer: string;
  /** As in FreezeOptions. */
  readonly like?: string | null | undefined;
}

export type StorageOp =
  | LayerMakeOp
  | LayerSweepOp
  | FreezeOp
  | VolumeCreateOp
  | VolumeRemoveOp
  | VolumeOpenOp
  | VolumeResizeOp;
