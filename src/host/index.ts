/** Probes of this machine: facts are read, never assumed. */

export { anySignal } from './any-signal.js';
export * from './apparmor.js';
export type { Check } from './checks/check.js';
export { checkHost } from './checks/index.js';
export { type BackupEnvironment, readBackupEnvironment, readEnvironment, readLoginFiles } from './environment.js';
export * from './facts.js';
export { hostFacts } from './facts-cache.js';
export { hostDeviceNodes } from './host-devices.js';
export { canIdmap } from './idmap.js';
export { cpusIn, type ProbeOptions, probeHost } from './probe.js';
export { hasHashInstructions } from './processor.js';
export { requireRoot } from './root.js';
export { fixSysctls, lowSysctls, type SysctlFix, type SysctlFixOptions, sysctlFile } from './sysctl-fix.js';
export { findTool, type HostTool, requireTool, runTool, spawnTool, type ToolCall } from './tool.js';
