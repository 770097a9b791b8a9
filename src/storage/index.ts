/** Where images' trees live, and what zones write. */
export { storageHandlers } from './apply.js';
export * from './blobs.js';
export * from './driver.js';
export { driverOf } from './drivers.js';
export { emptyLayer, ensureEmptyLayer } from './empty-layer.js';
export * from './layers.js';
export type { StorageOp, VolumeCreateOp } from './ops.js';
export * from './outlines.js';
export { defaultPool, poolOf } from './pools.js';
