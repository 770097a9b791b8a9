/** From a pool's record to where it lies now. */
import { defaultPoolName, type PoolRecord, type Roots } from '../state/index.js';
import type { Pool } from './driver.js';

export const mountsDirectory = ({ runRoot }: Roots): string => `${runRoot}/volumes`;

/** Overlay, at the root itself: its zones' volumes lie in the zones' directories. */
export function defaultPool(roots: Roots): Pool {
  return { name: defaultPoolName, driver: 'overlay', path: roots.root, mounts: mountsDirectory(roots) };
}

export function poolOf(roots: Roots, { name, driver, path, isFile }: PoolRecord): Pool {
  const place = isFile ? { path: `${roots.runRoot}/pools/${name}`, file: path } : { path };
  return { name, driver, ...place, mounts: mountsDirectory(roots) };
}
