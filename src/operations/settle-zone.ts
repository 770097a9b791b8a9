/** After a zone has ended: what its start prepared is taken back, whether or not its monitor lived to do so. */
import { rm } from '../host/quick-fs.js';
import type { HostOpBase } from '../spec/index.js';
import { type Roots, zonePaths } from '../state/index.js';
import { isMonitorAlive, killPid1, settledLife } from './running-state.js';
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
 * lock held. One that is only prepared is taken apart.
 *
 * @returns false if the zone runs (nothing was done)
 * @throws WAIT_TIMEOUT, and what an undo throws
 */
export async function settleZone(roots: Roots, zone: string, options: SettleOptions = {}): Promise<boolean> {
  const paths = zonePaths(roots, zone);
  const life = await settledLife(roots, zone, options.limitMs);
  if (life === 'running' && (await isMonitorAlive(paths.monitorLock))) return false;
  if (life !== 'ended') await killPid1(roots, zone);
  if (life === 'prepared') await settledLife(roots, zone, options.limitMs);
  const launch = await readLaunch(roots, zone);
  if (launch === undefined) return true;
  const [failure] = await undoAll(launch.prepared, options.done);
  if (failure !== undefined) throw failure;
  for (const path of [
    paths.launch,
    paths.enter,
    paths.running,
    paths.prepared,
    paths.monitorLock,
    paths.monitorSocket,
  ]) {
    await rm(path, { force: true });
  }
  return true;
}
