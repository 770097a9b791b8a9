/** What is said when a pool is not as it should be. */
import { zoneError } from '../errors/index.js';
import type { Pool } from './driver.js';

/** Its directories are not there: a disk that is not mounted, or a pool that has just been deleted. */
export function poolGone({ name, path, file }: Pool, cause?: unknown): Error {
  const place = file ?? path;
  return zoneError('POOL_UNUSABLE', `pool "${name}" is not at "${place}"`, {
    hint: `Mount the disk that holds "${place}", or see "tszone pool inspect ${name}".`,
    context: { pool: name, path: place },
    cause,
  });
}
