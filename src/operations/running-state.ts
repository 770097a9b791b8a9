/** Whether a zone runs, once that is certain; and whether its monitor lives. */
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import { flockFd } from '../helper/index.js';
import { isErrno, type Roots, readRunning, zonePaths } from '../state/index.js';

/**
 * Whether the zone runs, once that is certain: a helper whose caller was killed is either about to write the running
 * record, or about to end.
 *
 * @throws WAIT_TIMEOUT the helper does neither
 */
export async function settledRunning(roots: Roots, zone: string): Promise<boolean> {
  const paths = zonePaths(roots, zone);
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if ((await readRunning(roots, zone)) !== undefined) return true;
    if (!(await isMonitorAlive(paths.monitorLock))) return (await readRunning(roots, zone)) !== undefined;
    await sleep(Math.min(20, 1 + attempt));
  }
  throw zoneError('WAIT_TIMEOUT', `the monitor of zone "${zone}" neither starts nor ends`, {
    hint: `Look at ${paths.run} and end the process that holds ${paths.monitorLock}.`,
    context: { zone, path: paths.monitorLock },
  });
}

/** The monitor holds its lock file as long as it lives, exit list included. */
export async function isMonitorAlive(monitorLock: string): Promise<boolean> {
  const file = await open(monitorLock, 'r').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    return !(await flockFd(file.fd, 0));
  } finally {
    await file.close();
  }
}
