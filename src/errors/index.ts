export { type ErrorCode, errorCatalog, hasCode, zoneError } from './catalog.js';
export * from './zone-error.js';
