/** The spawner that the native entry has started for this process, while it was not yet node: native/handover_spawner.h. */
import { giveSpawner } from '../helper/index.js';

/** `FD:PID`. Nobody who is started from here is to take it for its own. */
export function takeEarlySpawner(env: Record<string, string | undefined> = process.env): void {
  const found = /^(\d+):(\d+)$/.exec(env.TSZONE_SPAWNER ?? '');
  delete env.TSZONE_SPAWNER;
  if (found !== null) giveSpawner({ fd: Number(found[1]), pid: Number(found[2]) });
}
