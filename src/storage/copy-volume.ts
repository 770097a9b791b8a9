/** What a volume holds, in another pool. */
import { runTool } from '../host/tool.js';
import { driverOf } from './drivers.js';
import { asDiskFull } from './grow-file.js';
import type { VolumePlace } from './ops.js';

/** Nobody has either of them open but us: the zone is stopped and its lock is held. On disk when this returns. */
export async function copyVolume(from: VolumePlace, to: VolumePlace): Promise<void> {
  try {
    const [source, target] = [await open(from), await open(to)];
    const args = ['--archive', '--reflink=auto', '--sparse=auto', '--', `${source}/upper/.`, `${target}/upper/`];
    await coreutils('cp', args);
    await coreutils('sync', ['--file-system', target]);
  } finally {
    await closeBoth(from, to);
  }
}

/** Not longer than this process: what it writes to is taken away if that is killed. */
async function coreutils(tool: string, args: readonly string[]): Promise<void> {
  await runTool({ tool, args, package: 'coreutils', dieWithParent: true }).catch((error: unknown) => {
    throw asDiskFull(error, args.at(-1) ?? '');
  });
}

const openingOf = ({ volume }: VolumePlace) => ({ id: volume, volume, layers: [] });

async function open(place: VolumePlace): Promise<string> {
  const driver = driverOf(place.pool);
  await driver.open(place.pool, openingOf(place));
  return driver.directory(place.pool, place.volume);
}

export async function closeBoth(...places: readonly VolumePlace[]): Promise<void> {
  for (const place of places) await driverOf(place.pool).close(place.pool, openingOf(place));
}
