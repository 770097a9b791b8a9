/** Where images' trees live. */
export * from './blobs.js';
export * from './layers.js';
export * from './outlines.js';
