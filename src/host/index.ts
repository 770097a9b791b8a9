/** Probes of this machine: facts are read, never assumed. */
export { readEnvironment } from './environment.js';
export * from './facts.js';
export { canIdmap } from './idmap.js';
export { cpusIn, type ProbeOptions, probeHost } from './probe.js';
export { requireRoot } from './root.js';
export { findTool, type HostTool, runTool, spawnTool, type ToolCall } from './tool.js';
