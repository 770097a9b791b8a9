export * from './host-ops.js';
export * from './start-plan.js';
export * from './start-warnings.js';
export { limitsOf } from './zone-cgroups.js';
