/** The only caller of the native helper. */

export { enterSession, type HelperSession, launchSession, type SessionOptions, spawnSession } from './client.js';
export { deferred } from './deferred.js';
export type { EventName, EventOf } from './events.js';
export { encodeClientFrame } from './frames.js';
export * from './locate.js';
export { type FileIdentity, type Looked, look, type SeenFile } from './look.js';
export * from './monitor-client.js';
export * from './platform-package.js';
export * from './protocol.js';
export { type ClientListener, giveSpawner, type LaunchStdioTriple, type Spawner, spawner } from './spawner.js';
export { statusOfStep } from './step-error.js';
export { runSubvolume } from './subvolume.js';
export * from './tool.js';
