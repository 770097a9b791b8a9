/** Registries of the OCI distribution API. Apart from images/index.ts: only pulls need it. */
export { fetchBlob } from './fetch-blob.js';
export { openRegistry, type Registry } from './registry.js';
export { readRegistrySettings } from './settings.js';
