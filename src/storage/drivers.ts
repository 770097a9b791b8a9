/** Which driver does it. */
import { zoneError } from '../errors/index.js';
import type { DriverName, Pool, StorageDriver, VolumeDriver } from './driver.js';
import { overlayDriver } from './overlay.js';

const drivers: Partial<Readonly<Record<DriverName, VolumeDriver>>> = { overlay: overlayDriver };

export function driverOf({ driver }: Pick<Pool, 'driver'>): VolumeDriver {
  const found = drivers[driver];
  if (found === undefined) throw new Error(`no driver "${driver}"`);
  return found;
}

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
