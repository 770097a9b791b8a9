/** Where images' trees live. */
export * from './blobs.js';
export { emptyLayer, ensureEmptyLayer } from './empty-layer.js';
export * from './layers.js';
export * from './outlines.js';
