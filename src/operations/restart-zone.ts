/** `restart`: stop, then start. */
import type { HostContext } from './host-context.js';
import { type StartResult, startZone } from './start-zone.js';
import { type StopOptions, stopZone } from './stop-zone.js';

/** A stopped zone is started. @throws as stop and start */
export async function restartZone(host: HostContext, name: string, options: StopOptions = {}): Promise<StartResult> {
  await stopZone(host, name, options);
  return startZone(host, name, { signal: options.signal, timeoutMs: options.timeoutMs });
}
