/** Does and undoes storage ops. */
import { formatSize, type HostOpHandler } from '../spec/index.js';
import { closeBoth, closeSource, copyInto, copyLayer, copyVolume } from './copy-volume.js';
import type { VolumeLimits } from './driver.js';
import { driverOf, layerDriverOf } from './drivers.js';
import { sweepLayers, sweepVolume } from './named-layers.js';
import type { StorageOp } from './ops.js';
import { emptyPool, growPool, makePool, refillPool, removePoolFiles } from './pool-make.js';

export const storageHandlers: HostOpHandler<StorageOp> = { apply, undo, describe };

async function apply(op: StorageOp): Promise<void> {
  if (op.op === 'storage.copy') return copyVolume(op.from, op.to);
  if (op.op === 'storage.layer-copy') return copyLayer(op);
  if (op.op === 'storage.fill') return copyInto(op.from, op.to);
  const driver = driverOf(op.pool);
  switch (op.op) {
    case 'storage.create':
      return driver.create(op.pool, op.volume, op);
    case 'storage.remove':
      return driver.remove(op.pool, op.volume, op);
    case 'storage.open':
      return driver.open(op.pool, op);
    case 'storage.resize':
      return driver.resize(op.pool, op.volume, op.limits);
    case 'storage.pool-make':
      return makePool(op.pool, op.sizeBytes);
    case 'storage.pool-empty':
      return emptyPool(op.pool);
    case 'storage.pool-remove':
      return removePoolFiles(op.pool, op.isOurs);
    case 'storage.pool-grow':
      return growPool(op.pool, op.sizeBytes);
    case 'storage.layer':
      return;
    case 'storage.sweep':
      await sweepLayers(op.roots, op.pool, op.layers);
      return;
    case 'storage.freeze':
      await layerDriverOf(op.pool).freeze(op.pool, op.volume, op.layer, op);
      return;
  }
}

async function undo(op: StorageOp): Promise<void> {
  if (op.op === 'storage.copy') return closeBoth(op.from, op.to);
  if (op.op === 'storage.layer-copy') return closeSource(op);
  if (op.op === 'storage.fill') return;
  const driver = driverOf(op.pool);
  switch (op.op) {
    case 'storage.create':
      return driver.remove(op.pool, op.volume);
    case 'storage.open':
      return driver.close(op.pool, op);
    case 'storage.pool-make':
      return removePoolFiles(op.pool, op.isOurs);
    case 'storage.pool-empty':
      return refillPool(op.pool);
    case 'storage.layer':
      if (op.isVolume === true) return sweepVolume(op.roots, op.pool, op.layer);
      await sweepLayers(op.roots, op.pool, [op.layer]);
      return;
    case 'storage.remove':
    case 'storage.resize':
    case 'storage.pool-remove':
    case 'storage.pool-grow':
    case 'storage.sweep':
    case 'storage.freeze':
      return;
  }
}

function describe(op: StorageOp): string {
  if (op.op === 'storage.copy')
    return `copy volume ${op.from.volume} of pool ${op.from.pool.name} to pool ${op.to.pool.name}`;
  if (op.op === 'storage.layer-copy')
    return `copy layer ${op.from.layer} of pool ${op.from.pool.name} to pool ${op.to.pool.name}`;
  if (op.op === 'storage.fill') return `copy ${op.from} to ${op.to}`;
  const pool = `of pool ${op.pool.name}`;
  switch (op.op) {
    case 'storage.create':
      return `make volume ${op.volume} ${pool}${boundsOf(op)}`;
    case 'storage.remove':
      return `remove volume ${op.volume} ${pool}`;
    case 'storage.open':
      return `mount volume ${op.volume ?? op.id} ${pool}`;
    case 'storage.layer':
      return `make layer ${op.layer} ${pool}`;
    case 'storage.sweep':
      return `remove those of ${op.layers.length} layers ${pool} that nothing else is made of`;
    case 'storage.freeze':
      return `freeze volume ${op.volume} ${pool} as layer ${op.layer}`;
    case 'storage.resize':
      return `bound volume ${op.volume} ${pool}${boundsOf(op.limits) || ' no more'}`;
    case 'storage.pool-make':
      return `make pool ${op.pool.name} at ${op.pool.file ?? op.pool.path}`;
    case 'storage.pool-empty':
      return `close pool ${op.pool.name}`;
    case 'storage.pool-remove':
      return `remove pool ${op.pool.name} from ${op.pool.file ?? op.pool.path}`;
    case 'storage.pool-grow':
      return `grow pool ${op.pool.name} to ${formatSize(op.sizeBytes)}`;
  }
}

function boundsOf({ diskBytes, inodes }: VolumeLimits): string {
  const bytes = diskBytes === undefined ? [] : [formatSize(diskBytes)];
  const files = inodes === undefined ? [] : [`${inodes} files`];
  const bounds = [...bytes, ...files].join(' and ');
  return bounds === '' ? '' : `, at most ${bounds}`;
}
