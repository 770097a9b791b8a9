/**
 * Compares the machine before and after the whole run; whatever is left fails the run. TSZONE_TEST_SHARED=1, for a machine
 * on which others work at the same time, looks only at what belongs to the hosts that this run has made.
 */

import { patience } from './patience.js';
import { expectNothingLeftNow, type Snapshot, takeSnapshot } from './snapshot.js';

const hosts: { readonly instance: string; readonly directory: string }[] = [];
/** Others work on this machine at the same time. */
export const shared = process.env.TSZONE_TEST_SHARED === '1';
let atStart: Snapshot | undefined;

/** Called for each temporary host. */
export function noteHost(host: (typeof hosts)[number]): void {
  hosts.push(host);
}

function options() {
  const words = hosts.flatMap(({ instance, directory }) => [instance, directory]);
  return shared ? { only: words } : {};
}

before('take a snapshot of the machine', async function () {
  this.timeout(patience(30_000));
  if (process.getuid?.() === 0) atStart = await takeSnapshot(options());
});

after('nothing is left on the machine', async function () {
  this.timeout(patience(60_000));
  if (atStart !== undefined) await expectNothingLeftNow(atStart, options(), 40_000);
});
