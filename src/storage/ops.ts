/** What can be done to volumes, as data. */
import type { Roots } from '../state/index.js';
import type { Opening, Pool, RemoveOptions, VolumeLimits } from './driver.js';

/** Undo: removed, with what has been written to it. */
export interface VolumeCreateOp extends VolumeLimits {
  readonly op: 'storage.create';
  readonly pool: Pool;
  readonly volume: string;
  /** Frozen layers that it shows. */
  readonly from: readonly string[];
}

/** Undo: nothing. */
export interface VolumeRemoveOp extends RemoveOptions {
  readonly op: 'storage.remove';
  readonly pool: Pool;
  readonly volume: string;
}

/** Undo: closed. */
export interface VolumeOpenOp extends Opening {
  readonly op: 'storage.open';
  readonly pool: Pool;
}

/** Undo: nothing; it is only ever completed. */
export interface VolumeResizeOp {
  readonly op: 'storage.resize';
  readonly pool: Pool;
  readonly volume: string;
  readonly limits: VolumeLimits;
}

/** The place of a pool. Undo: removed, as far as it is ours. */
export interface PoolMakeOp {
  readonly op: 'storage.pool-make';
  readonly pool: Pool;
  /** Of its file. */
  readonly sizeBytes?: number | undefined;
  /** Its directory was not there before. */
  readonly isOurs: boolean;
}

/** Refused while there is anything in it; from then on nothing can be made in it. Undo: it can be again. */
export interface PoolEmptyOp {
  readonly op: 'storage.pool-empty';
  readonly pool: Pool;
}

/** Of an empty pool. Undo: nothing. */
export interface PoolRemoveOp {
  readonly op: 'storage.pool-remove';
  readonly pool: Pool;
  readonly isOurs: boolean;
}

/** Undo: nothing; it is only ever completed. */
export interface PoolGrowOp {
  readonly op: 'storage.pool-grow';
  readonly pool: Pool;
  readonly sizeBytes: number;
}

/**
 * What the one volume holds, written to the other, which is empty; owners, times, links, holes and attributes as they are. Undo: both
 * are closed.
 */
export interface VolumeCopyOp {
  readonly op: 'storage.copy';
  readonly from: VolumePlace;
  readonly to: VolumePlace;
}

export interface VolumePlace {
  readonly pool: Pool;
  readonly volume: string;
}

/** A layer in the making. Undo: removed, if nothing is made of it. */
export interface LayerMakeOp {
  readonly op: 'storage.layer';
  readonly roots: Roots;
  readonly pool: Pool;
  readonly layer: string;
  /** As in FreezeOptions: what has it then is a zone. */
  readonly isVolume?: boolean | undefined;
}

/** A layer of another pool, for what moves there: `to` is a layer in the making. Undo: closed. */
export interface LayerCopyOp {
  readonly op: 'storage.layer-copy';
  readonly from: LayerPlace;
  readonly to: LayerPlace;
  /** What the one is opened as. */
  readonly id: string;
}

export interface LayerPlace {
  readonly pool: Pool;
  readonly layer: string;
}

/** A directory that has just been made gets what another holds, and looks like it. Undo: nothing; it goes with the directory. */
export interface FillOp {
  readonly op: 'storage.fill';
  readonly from: string;
  readonly to: string;
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
  | LayerCopyOp
  | FillOp
  | LayerSweepOp
  | FreezeOp
  | VolumeCopyOp
  | VolumeCreateOp
  | VolumeRemoveOp
  | VolumeOpenOp
  | VolumeResizeOp
  | PoolMakeOp
  | PoolEmptyOp
  | PoolRemoveOp
  | PoolGrowOp;
