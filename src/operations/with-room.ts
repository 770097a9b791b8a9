/** A zone that has filled its disk can be started, and cloned, all the same: otherwise nobody could delete anything in it. */
import { hasCode } from '../errors/index.js';
import type { ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { volumeOf } from './zone-storage.js';

/** What a start writes: a few names, and what a file system of trees wants to have free for them. */
const roomBytes = 4 * 1024 ** 2;
const roomInodes = 16;

/** Tried again with a little more than the zone's bound, if that was what failed; what it has more of is taken back at once. */
export async function withRoom<T>(
  { roots }: Pick<HostContext, 'roots'>,
  record: Pick<ZoneRecord, 'spec' | 'storage'>,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const { disk, inodes } = record.spec;
    if (!hasCode(error, 'RESOURCE_DISK_FULL') || (disk === undefined && inodes === undefined)) throw error;
    const { driver, pool, volume, limits } = await volumeOf(roots, record);
    if (!driver.movesBounds) throw error;
    await driver.resize(pool, volume, {
      diskBytes: disk === undefined ? undefined : disk + roomBytes,
      inodes: inodes === undefined ? undefined : inodes + roomInodes,
    });
    try {
      return await start();
    } finally {
      await driver.resize(pool, volume, limits);
    }
  }
}
