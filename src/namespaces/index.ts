export * from './credentials.js';
export { type EnterPlanInput, planEnter } from './enter.js';
export { type LaunchPlanInput, type PayloadInput, planLaunch, zoneNamespaces } from './launch.js';
export type { HostTree } from './root.js';
