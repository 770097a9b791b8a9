/** Does and undoes storage ops. */
import { formatSize, type HostOpHandler } from '../spec/index.js';
import type { VolumeLimits } from './driver.js';
import { driverOf, layerDriverOf } from './drivers.js';
import { sweepLayers } from './named-layers.js';
import type { StorageOp } from './ops.js';

export const storageHandlers: HostOpHandler<StorageOp> = { apply, undo, describe };

async function apply(op: StorageOp): Promise<void> {
  const driver = driverOf(op.pool);
  switch (op.op) {
    case 'storage.create':
      await driver.create(op.pool, op.volume, op);
      return;
    case 'storage.remove':
      return driver.remove(op.pool, op.volume);
    case 'storage.open':
      return driver.open(op.pool, op);
    case 'storage.resize':
      return driver.resize(op.pool, op.volume, op.limits, op.isOpen);
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
  const driver = driverOf(op.pool);
  switch (op.op) {
    case 'storage.create':
      return driver.remove(op.pool, op.volume);
    case 'storage.remove':
      return;
    case 'storage.open':
      return driver.close(op.pool, op);
    case 'storage.resize':
      return driver.resize(op.pool, op.volume, op.previous, op.isOpen);
    case 'storage.layer':
      await sweepLayers(op.roots, op.pool, [op.layer]);
      return;
    case 'storage.sweep':
    case 'storage.freeze':
      return;
  }
}

function describe(op: StorageOp): string {
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
  }
}

function boundsOf({ diskBytes, inodes }: VolumeLimits): string {
  const bytes = diskBytes === undefined ? [] : [formatSize(diskBytes)];
  const files = inodes === undefined ? [] : [`${inodes} files`];
  const bounds = [...bytes, ...files].join(' and ');
  return bounds === '' ? '' : `, at most ${bounds}`;
}
