export { stateHandlers } from './apply.js';
export * from './forwarding.js';
export * from './id-register.js';
export * from './journal.js';
export * from './json-file.js';
export type { Lease } from './lease-ledger.js';
export * from './lock.js';
export * from './mounts.js';
export { namesIn } from './names-in.js';
export * from './networks.js';
export {
  type NetworkRecord,
  type Networks,
  readNetworkRecords,
  readNetworks,
  updateNetworks,
} from './networks-file.js';
export type { StateOp } from './ops.js';
export { keepParsedFiles, keepsParsedFiles, lastParsed, parsedOnce, recalled } from './parsed-files.js';
export * from './pools.js';
export * from './prune-ids.js';
export * from './reserve.js';
export * from './roots.js';
export * from './run-state.js';
export * from './sealed-file.js';
export * from './snapshots.js';
export * from './spares.js';
export * from './zone-lock.js';
export * from './zone-paths.js';
export * from './zones.js';
