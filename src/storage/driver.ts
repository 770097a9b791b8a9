/**
 * What every storage driver does. A zone's root is always an overlay: on top the zone's own **volume**, a directory with
 * `upper` and `work`; below it the zone's frozen layers, topmost first; below them its image's layers. A driver makes,
 * bounds, freezes and copies volumes; how the root is mounted is the same for all of them.
 *
 * For snapshots: what was frozen is looked at by `open` with a name of its own and no volume, then `layerDirectory`, then `close`.
 */
import type { DriverName } from '../spec/index.js';
import type { HoldStill } from './copy-tree.js';

export { type DriverName, driverNames } from '../spec/index.js';

/** Where volumes and frozen layers lie. Plain data: it goes into journals. */
export interface Pool {
  readonly name: string;
  readonly driver: DriverName;
  /** Absolute; a directory that only root can enter. Holds `volumes/` and `layers/`. */
  readonly path: string;
  /** The file system that is mounted at `path` when it is needed. */
  readonly file?: string | undefined;
  /** Run-time: where volumes and layers that are files are mounted. */
  readonly mounts: string;
}

/** Bounds of what is written to a volume; absent: not bounded. */
export interface VolumeLimits {
  readonly diskBytes?: number | undefined;
  readonly inodes?: number | undefined;
}

/** What a pool can do, probed on this host. */
export interface DriverAbilities {
  /** A bound on bytes holds. Otherwise: why not. */
  readonly quota: true | string;
  /** The same on the number of files. */
  readonly inodes: true | string;
  /** `df` in the zone shows the bound. */
  readonly showsQuota: boolean;
  readonly freeze: FreezeManner;
}

/** `instant`: whatever was written; `copy`: what a running zone has written is copied (a stopped zone's is always instant). */
export type FreezeManner = 'instant' | 'copy';

/** How a volume became a frozen layer. */
export interface Frozen {
  /** `moved`: the volume is empty now, and the layer belongs on top of its zone's; `copied`: the volume is as it was. */
  readonly how: 'moved' | 'copied';
  /** What had to be copied. */
  readonly copiedBytes: number;
  /** Only what has changed since `base`, to lie on top of that. */
  readonly isSince?: boolean | undefined;
}

/** What is used together. */
export interface Opening {
  /** The volume's name; without one any that nobody else has: what is opened twice under two names is closed twice. */
  readonly id: string;
  readonly volume?: string | undefined;
  readonly layers: readonly string[];
}

/** Every call is idempotent, so that what a killed command left can be done or undone again. */
export interface VolumeDriver {
  readonly name: DriverName;
  abilities(pool: Pool): Promise<DriverAbilities>;
  /** As its abilities say, without a look at the host. */
  readonly freezes: FreezeManner;

  /** Where `upper` and `work` are while the volume is open. */
  directory(pool: Pool, volume: string): string;
  /** Where a frozen layer's tree is while it is open under that name. */
  layerDirectory(pool: Pool, layer: string, openedAs: string): string;

  /** Those of a chain that belong below a volume that was made of it: none, where a volume shows all by itself. */
  layersBelow(from: readonly string[]): readonly string[];
  /**
   * A new volume that shows what a chain of frozen layers shows, topmost first; none: empty.
   *
   * @throws POOL_CANNOT a bound that this pool cannot hold, POOL_NOT_FOUND, RESOURCE_DISK_FULL
   */
  create(pool: Pool, volume: string, options: VolumeWish): Promise<void>;
  /** The volume must not be open. Not there is success. */
  remove(pool: Pool, volume: string, options?: RemoveOptions): Promise<void>;
  /** @throws POOL_CANNOT, RESOURCE_DISK_FULL */
  resize(pool: Pool, volume: string, limits: VolumeLimits): Promise<void>;
  /** As far as can be told beforehand, whether `resize` could do it. @throws POOL_CANNOT */
  checkResize(pool: Pool, volume: string, change: VolumeChange): Promise<void>;

  /** `resize` only says a number: it costs nothing, and is as easily taken back. */
  readonly movesBounds: boolean;

  /** Whether `open` and `close` have anything to do: of drivers of plain directories nothing is journaled. */
  needsOpen(pool: Pool): boolean;
  /** Mounts what has to be mounted before the directories can be used. @throws POOL_UNUSABLE */
  open(pool: Pool, opening: Opening): Promise<void>;
  close(pool: Pool, opening: Opening): Promise<void>;
  /** What `close` unmounts, so that a zone's monitor can do it. */
  mountPoints(pool: Pool, opening: Opening): readonly string[];

  /** Bytes and files that were written to the volume, and what bounds them; absent: not counted by anybody. */
  usage(pool: Pool, volume: string): Promise<VolumeUsage>;
}

export interface VolumeWish extends VolumeLimits {
  /** What it shows. */
  readonly from: readonly string[];
}

export interface RemoveOptions {
  /** What it has taken may come back a moment later. */
  readonly isSoon?: boolean | undefined;
}

export interface VolumeUsage {
  readonly bytes?: number | undefined;
  readonly bytesLimit?: number | undefined;
  /** If it is less than what the two others leave: what a file system keeps for itself. */
  readonly bytesFree?: number | undefined;
  readonly inodes?: number | undefined;
  readonly inodesLimit?: number | undefined;
}

export interface VolumeChange {
  readonly limits: VolumeLimits;
  readonly previous: VolumeLimits;
}

export interface FreezeOptions {
  /**
   * Given: the zone runs, and its volume is only ever copied. What needs it to stand still goes through this; it is asked for once, and
   * for as short as can be.
   */
  readonly hold?: HoldStill | undefined;
  /** A copy of the same volume that was made before: what has not changed since need not be copied again. Where copies are stacked: open as the new layer's name. */
  readonly base?: string | undefined;
  /** `moved`: the empty volume's root is to look like this layer's, or null: like a new one's; if not given, like what was moved. */
  readonly like?: string | null | undefined;
  /** Of a driver whose freezes are instant: it is to be a volume of that name, and no layer of anything. */
  readonly isVolume?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StorageDriver extends VolumeDriver {
  /** Copies of a running zone's volume share no files: each lies on top of the one before it. */
  readonly stacksCopies?: boolean;
  /**
   * Nothing was written to a volume since it was made over these layers: one more layer would only be one more to look through. False
   * where nobody can tell; the volume is not open.
   */
  isUntouched(pool: Pool, volume: string, layers: readonly string[]): Promise<boolean>;
  /** What the volume holds becomes a layer. @throws RESOURCE_DISK_FULL, KERNEL_STEP_FAILED */
  freeze(pool: Pool, volume: string, layer: string, options: FreezeOptions): Promise<Frozen>;
  /** A layer that shows what these, topmost first, show together; not where a layer shows all anyway. They are open as the layer's name. */
  merge?(pool: Pool, layer: string, layers: readonly string[]): Promise<void>;
  /**
   * A layer that is empty, to be filled at the path that is returned; `endLayer` then makes one of it that is never written again. Both
   * take away what a killed call left; what is begun and not ended goes with `removeLayer`.
   *
   * @param bytes about what it will hold
   */
  beginLayer(pool: Pool, layer: string, bytes: number): Promise<string>;
  endLayer(pool: Pool, layer: string): Promise<void>;
  /** Not there is success; nothing is open that shows it. */
  removeLayer(pool: Pool, layer: string): Promise<void>;
  /** All that are there, also what a killed freeze left. */
  listLayers(pool: Pool): Promise<readonly string[]>;
}
