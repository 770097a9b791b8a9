/** The network: bridges, veth pairs, addresses, routes, nf_tables, published ports. */
export { netHandlers } from './apply.js';
export { isBridgeUp, vethForHelper } from './bridge.js';
export { foreignForwardDrops } from './firewall.js';
export { readForwarding } from './forwarding.js';
export { allocateVethName, bridgeName, randomMac, tableName } from './names.js';
export {
  addNetwork,
  createNetwork,
  defaultNetwork,
  deleteNetwork,
  ensureNetwork,
  listNetworks,
  type NetworkWish,
  requireUnused,
} from './networks.js';
export type { NetOp, PortOp, VethOp } from './ops.js';
export {
  planLoopback,
  planNetwork,
  planPort,
  planZoneNetwork,
  type ZoneInterface,
  type ZoneNetworkInput,
  type ZoneNetworkPlan,
} from './plan.js';
export { publishedPorts, removeZonePorts } from './ports.js';
export { findResolvConf, type ResolvConf, type ResolvConfWish, readResolvConf } from './resolv-conf.js';
