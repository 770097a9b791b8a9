/** A bound that is less than what there is already would be one at which nothing can be written any more, not even to the names of what is to be deleted. */
import { zoneError } from '../errors/index.js';
import type { VolumeChange, VolumeUsage } from './driver.js';

const mebibyte = 1024 ** 2;

/** @param usage asked for only if something shrinks @throws POOL_CANNOT */
export async function requireFits(
  { limits, previous }: VolumeChange,
  usage: () => Promise<VolumeUsage>,
): Promise<void> {
  const isLess = (now = Number.POSITIVE_INFINITY, before = Number.POSITIVE_INFINITY) => now < before;
  const { diskBytes, inodes } = limits;
  if (!isLess(diskBytes, previous.diskBytes) && !isLess(inodes, previous.inodes)) return;
  const used = await usage();
  if (isLess(diskBytes, used.bytes ?? 0)) {
    const leastMb = Math.ceil((used.bytes ?? 0) / mebibyte);
    throw tooMuch(`${leastMb} MB`, `--disk ${leastMb}M`);
  }
  if (isLess(inodes, used.inodes ?? 0)) throw tooMuch(`${used.inodes} files`, `--inodes ${used.inodes}`);
}

function tooMuch(what: string, flag: string): Error {
  return zoneError('POOL_CANNOT', `what the zone has written takes ${what}`, {
    hint: `Pass ${flag} or more, or delete files in the zone first.`,
  });
}
