/** Which driver does it. */
import { zoneError } from '../errors/index.js';
import { btrfsDriver } from './btrfs.js';
import type { DriverName, Pool, StorageDriver, VolumeDriver } from './driver.js';
import { loopDriver } from './loop.js';
import { overlayDriver } from './overlay.js';

const drivers: Readonly<Record<DriverName, VolumeDriver>> = {
  overlay: overlayDriver,
  btrfs: btrfsDriver,
  loop: loopDriver,
};

export const driverOf = ({ driver }: Pick<Pool, 'driver'>): VolumeDriver => drivers[driver];

/** @throws POOL_CANNOT its driver makes no layers */
export function layerDriverOf(pool: Pool): StorageDriver {
  const driver = driverOf(pool);
  if (makesLayers(driver)) return driver;
  throw zoneError(
    'POOL_CANNOT',
    `pool "${pool.name}" cannot do that: its driver "${pool.driver}" has no snapshots yet`,
    {
      hint: 'Put the zone into the default pool, which has: "tszone set ZONE --pool default".',
      context: { pool: pool.name, driver: pool.driver },
    },
  );
}

export const makesLayers = (driver: VolumeDriver): driver is StorageDriver => 'freeze' in driver;
