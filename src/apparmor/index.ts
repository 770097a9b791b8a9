export { apparmorHandlers } from './apply.js';
export type { ApparmorOp } from './ops.js';
export { planProfile, type ZoneProfile } from './plan.js';
