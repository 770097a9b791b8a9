/**
 * What every storage driver does. A zone's root is always an overlay: on top the zone's own **volume**, a directory with
 * `upper` and `work`; below it the zone's frozen layers, topmost first; below them its image's layers. A driver makes,
 * bounds, freezes and copies volumes; how the root is mounted is the same for all of them.
 */

export const driverNames = ['overlay', 'btrfs', 'loop'] as const;
export type DriverName = (typeof driverNames)[number];

/** Where volumes and frozen layers lie. */
export interface Pool {
  readonly name: string;
  readonly driver: DriverName;
  /** Absolute; a directory that only root can enter. Holds `volumes/` and `layers/`. */
  readonly path: string;
}

/** Bounds of what is written to a volume; absent: not bounded. */
export interface VolumeLimits {
  readonly diskBytes?: number | undefined;
  readonly inodes?: number | undefined;
}

/** What a pool can do, probed on this host. */
export interface DriverAbilities {
  /** A bound on bytes holds. Otherwise: why not, and what would. */
  readonly quota: true | string;
  /** The same on the number of files. */
  readonly inodes: true | string;
  /** `df` in the zone shows the bound. */
  readonly showsQuota: boolean;
  /** `instant`: whatever was written; `copy`: what a running zone has written is copied (a stopped zone's is always instant). */
  readonly freeze: 'instant' | 'copy';
}

/** How a volume became a frozen layer. */
export interface Frozen {
  /** `moved`: the volume is empty now, and the layer belongs on top of its zone's; `copied`: the volume is as it was. */
  readonly how: 'moved' | 'copied';
  /** What had to be copied. */
  readonly copiedBytes: number;
}

/** Every call is idempotent, so that what a killed command left can be done or undone again. */
export interface StorageDriver {
  readonly name: DriverName;
  abilities(pool: Pool): Promise<DriverAbilities>;

  /** Where `upper` and `work` are while the volume is open. */
  directory(pool: Pool, volume: string): string;
  /** Where a frozen layer's tree is while it is open. */
  layerDirectory(pool: Pool, layer: string): string;

  /**
   * A new volume that shows what a chain of frozen layers shows, topmost first; none: empty.
   *
   * @returns the layers that still belong below it
   * @throws POOL_CANNOT a bound that this pool cannot hold, RESOURCE_DISK_FULL
   */
  create(
    pool: Pool,
    volume: string,
    options: VolumeLimits & { readonly from: readonly string[] },
  ): Promise<readonly string[]>;
  /** Not there is success. */
  remove(pool: Pool, volume: string): Promise<void>;
  /** @throws POOL_CANNOT, RESOURCE_DISK_FULL */
  resize(pool: Pool, volume: string, limits: VolumeLimits, isOpen: boolean): Promise<void>;

  /** Mounts what has to be mounted before the directories can be used; nothing for drivers of plain directories. */
  open(pool: Pool, volume: string, layers: readonly string[]): Promise<void>;
  close(pool: Pool, volume: string, layers: readonly string[]): Promise<void>;

  /** What the volume holds becomes a layer. A running zone's is only ever copied; its caller holds it still. */
  freeze(pool: Pool, volume: string, layer: string, options: { readonly isRunning: boolean }): Promise<Frozen>;
  /** Not there is success. */
  removeLayer(pool: Pool, layer: string): Promise<void>;

  /** Bytes and files that were written to the volume. */
  usage(pool: Pool, volume: string): Promise<{ readonly bytes: number; readonly inodes: number }>;
}
