export { deviceHandlers } from './apply.js';
export * from './credentials.js';
export type { DeviceNode, DeviceNodesOp } from './device-nodes.js';
export { type EnterPlanInput, loginShell, planEnter, planEntryRecord, planSysctls } from './enter.js';
export { identityFiles } from './identity.js';
export { type LaunchPlanInput, type PayloadInput, planLast, planLaunch, zoneNamespaces } from './launch.js';
export type { HostTree } from './root.js';
