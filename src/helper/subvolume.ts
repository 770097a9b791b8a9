/** Mode `subvolume` (native/subvolume.h), forked by the spawner where there is one: what it does takes less than a fork of this process. */
import { tokens } from './frames.js';
import { type Spawner, spawner } from './spawner.js';
import { type Ended, runToEnd } from './tool.js';

/** @throws HOST_HELPER_MISSING */
export async function runSubvolume(args: readonly string[]): Promise<Ended> {
  const forker = await spawner();
  return forker === undefined ? runToEnd('subvolume', args) : forked(forker, args);
}

function forked(forker: Spawner, args: readonly string[]): Promise<Ended> {
  const launch = {
    mode: 'subvolume',
    plan: Buffer.from(tokens(...args)),
    stdio: ['ignore', 'ignore', 'ignore'],
  } as const;
  return new Promise((resolve) => {
    let said = '';
    const launched = forker.launch(launch, {
      data: (more) => {
        said += more;
      },
      closed: () => {},
      exited: (status) => {
        launched.forget();
        resolve({ status, said });
      },
    });
  });
}
