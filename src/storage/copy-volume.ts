/** What a volume, or a frozen layer, holds, in another pool. */
import { runTool } from '../host/tool.js';
import { driverOf, layerDriverOf } from './drivers.js';
import { asDiskFull } from './grow-file.js';
import type { LayerCopyOp, VolumePlace } from './ops.js';

/** Nobody has either of them open but us: the zone is stopped and its lock is held. On disk when this returns. */
export async function copyVolume(from: VolumePlace, to: VolumePlace): Promise<void> {
  try {
    const [source, target] = [await open(from), await open(to)];
    await copyInto(`${source}/upper`, `${target}/upper`);
  } finally {
    await closeBoth(from, to);
  }
}

/** With what it takes away from the layers below it: overlay's marks are files and attributes like others. */
export async function copyLayer({ from, to, id }: LayerCopyOp): Promise<void> {
  const [source, target] = [layerDriverOf(from.pool), layerDriverOf(to.pool)];
  await source.open(from.pool, { id, layers: [from.layer] });
  const directory = source.layerDirectory(from.pool, from.layer, id);
  await copyInto(directory, await target.beginLayer(to.pool, to.layer, await bytesIn(directory)));
  await target.endLayer(to.pool, to.layer);
  await closeSource({ from, id });
}

export const closeSource = ({ from, id }: Pick<LayerCopyOp, 'from' | 'id'>): Promise<void> =>
  driverOf(from.pool).close(from.pool, { id, layers: [from.layer] });

/** How much room it takes; sparse files as they are. */
async function bytesIn(directory: string): Promise<number> {
  const { stdout } = await runTool({ tool: 'du', args: ['-s', '-B1', '--', directory], package: 'coreutils' });
  return Number.parseInt(stdout, 10);
}

/** On disk when this returns. */
export async function copyInto(source: string, target: string): Promise<void> {
  await coreutils('cp', ['--archive', '--reflink=auto', '--sparse=auto', '--', `${source}/.`, `${target}/`]);
  await coreutils('sync', ['--file-system', target]);
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
