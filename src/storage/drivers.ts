/** Which driver does it. */
import type { DriverName, Pool, VolumeDriver } from './driver.js';
import { overlayDriver } from './overlay.js';

const drivers: Partial<Readonly<Record<DriverName, VolumeDriver>>> = { overlay: overlayDriver };

export function driverOf({ driver }: Pick<Pool, 'driver'>): VolumeDriver {
  const found = drivers[driver];
  if (found === undefined) throw new Error(`no driver "${driver}"`);
  return found;
}
