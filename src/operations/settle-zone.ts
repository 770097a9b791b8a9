/** After a zone has ended: what its start prepared is taken back, whether or not its monitor lived to do so. */
import { rm } from '../host/quick-fs.js';
import type { HostOpBase } from '../spec/index.js';
import { type Roots, zonePaths } from '../state/index.js';
import { isMonitorAlive, killPid1, settledRunning } from './running-state.js';
import { undoAll } from './transaction.js';
import { readLaunch } from './zone-ref.js';

export interface SettleOptions {
  /** Called after each step. */
  readonly done?: (op: HostOpBase) => void;
  /** How long to wait for a monitor that is about to start or end. */
  readonly limitMs?: number | undefined;
}

/**
 * Waits for the monitor to be gone and undoes what the last start prepared; each undo takes "already gone" for
 * success. The exit record stays. A zone that has lost its monitor is killed: none runs unwatched. Call with the zone's
 * lock held.
 *
 * @returns false if the zone runs (nothing was done)
 * @throws WAIT_TIMEOUT, and what an undo throws
 */
export async function settleZone(roots: Roots, zone: string, options: SettleOptions = {}): Promise<boolean> {
  const paths = zonePaths(roots, zone);
  if (await settledRunning(roots, zone, options.limitMs)) {
    if (await isMonitorAlive(paths.monitorLock)) return false;
    await killPid1(roots, zone);
  }
  const launch = await readLaunch(roots, zone);
  if (launch === undefined) return true;
  const [failure] = await undoAll(launch.prepared, options.done);
  if (failure !== undefined) throw failure;
  for (const path of [paths.launch, paths.running, paths.monitorLock, paths.monitorSocket]) {
    await rm(path, { force: true });
  }
  return true;
}
