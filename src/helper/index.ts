/** The only caller of the native helper. */
export * from './locate.js';
export * from './protocol.js';
export * from './tool.js';
