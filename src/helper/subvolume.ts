/** Mode `subvolume` (native/subvolume.h), forked by the spawner where there is one: what it does takes less than a fork of this process. */
import { text } from 'node:stream/consumers';
import { tokens } from './frames.js';
import { type Spawner, spawner } from './spawner.js';
import { runTool } from './tool.js';

export interface Ended {
  readonly status: number;
  /** What it said on descriptor 2. */
  readonly said: string;
}

/** @throws HOST_HELPER_MISSING */
export async function runSubvolume(args: readonly string[]): Promise<Ended> {
  const forker = await spawner();
  if (forker !== undefined) return forked(forker, args);
  const tool = runTool('subvolume', args, { stderr: 'pipe' });
  const [status, said] = await Promise.all([tool.exited, tool.stderr === null ? '' : text(tool.stderr)]);
  return { status, said };
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
