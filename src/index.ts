/** The public API of tszone: zones from TypeScript. */
export { type ErrorCode, hasCode, ZoneError } from './errors/index.js';
export type { DryRun, DryStep } from './operations/dry-run-step.js';
export type { ExecOutcome, ExecProcess, OutputChunk } from './sdk/exec-process.js';
export { type Host, openHost } from './sdk/host.js';
export type { CloneOptions, Zone, ZoneExecOptions } from './sdk/zone.js';
export type { ZoneChange, ZoneOptions, ZoneSpec } from './spec/index.js';
