/** Which driver does it. */

import { btrfsDriver } from './btrfs.js';
import type { DriverName, Pool, VolumeDriver } from './driver.js';
import { loopDriver } from './loop.js';
import { overlayDriver } from './overlay.js';

const drivers: Readonly<Record<DriverName, VolumeDriver>> = {
  overlay: overlayDriver,
  btrfs: btrfsDriver,
  loop: loopDriver,
};

export const driverOf = ({ driver }: Pick<Pool, 'driver'>): VolumeDriver => drivers[driver];
