/** Where images' trees live. */
export * from './layers.js';
