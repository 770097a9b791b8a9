/** Where images' trees live, and what zones write. */
export { storageHandlers } from './apply.js';
export * from './blobs.js';
export { copyTree, type HoldStill } from './copy-tree.js';
export * from './driver.js';
export { driverOf, layerDriverOf, makesLayers } from './drivers.js';
export { emptyLayer, ensureEmptyLayer } from './empty-layer.js';
export * from './layers.js';
export { lockLayers, namedLayers, sweepLayers } from './named-layers.js';
export type { StorageOp, VolumeCreateOp } from './ops.js';
export * from './outlines.js';
export { defaultPool, poolOf } from './pools.js';
export { type Base, diffStacks, over, stackOf, type TreeChange } from './tree-diff.js';
export { listTree, type TreeEntry } from './tree-list.js';
