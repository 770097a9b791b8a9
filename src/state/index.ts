export * from './id-register.js';
export * from './journal.js';
export * from './json-file.js';
export * from './lock.js';
export * from './roots.js';
export * from './run-state.js';
export * from './zone-paths.js';
export * from './zones.js';
