/** Which driver does it. */
import type { DriverName, Pool, StorageDriver } from './driver.js';
import { overlayDriver } from './overlay.js';

const drivers: Partial<Readonly<Record<DriverName, StorageDriver>>> = { overlay: overlayDriver };

export function driverOf({ driver }: Pick<Pool, 'driver'>): StorageDriver {
  const found = drivers[driver];
  if (found === undefined) throw new Error(`no driver "${driver}"`);
  return found;
}
