/** After a zone has ended: what its start prepared is taken back, whether or not its monitor lived to do so. */

import { rm } from 'node:fs/promises';
import type { HostOpBase } from '../spec/index.js';
import { type Roots, zonePaths } from '../state/index.js';
import { settledRunning } from './running-state.js';
import { undoAll } from './transaction.js';
import { readLaunch } from './zone-ref.js';

/**
 * Waits for the monitor to be gone and undoes what the last start prepared; each undo takes "already gone" for
 * success. The exit record stays. Call with the zone's lock held.
 *
 * @returns false if the zone runs (nothing was done)
 */
export async function settleZone(roots: Roots, zone: string, done?: (op: HostOpBase) => void): Promise<boolean> {
  if (await settledRunning(roots, zone)) return false;
  const launch = await readLaunch(roots, zone);
  if (launch === undefined) return true;
  const [failure] = await undoAll(launch.prepared, done);
  if (failure !== undefined) throw failure;
  const paths = zonePaths(roots, zone);
  for (const path of [paths.launch, paths.running, paths.monitorLock, paths.monitorSocket])
    await rm(path, { force: true });
  return true;
}
