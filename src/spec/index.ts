export * from './capabilities.js';
export { signalNumber } from './fields.js';
export type { HostOpBase, HostOpHandler } from './host-op.js';
export * from './names.js';
export { nearest } from './nearest.js';
export * from './parse.js';
export * from './parts.js';
export * from './quantities.js';
export * from './schema.js';
