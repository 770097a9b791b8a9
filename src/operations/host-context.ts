/** What every operation starts from: where the data lie and what the host can do. */
import { resolve } from 'node:path';
import { type HostFacts, hostFacts, requireRoot } from '../host/index.js';
import { openRoots, type Roots } from '../state/index.js';
import { recoverInterrupted, type Unfinished } from './recover.js';

export interface HostContext {
  readonly roots: Roots;
  readonly facts: HostFacts;
  /** Left by killed commands, and not to be finished now. */
  readonly unfinished: readonly Unfinished[];
}

export interface HostOptions {
  /** Persistent data; `/var/lib/tszone` if not given. */
  readonly root?: string | undefined;
  /** Run-time data; `/run/tszone` if not given. */
  readonly runRoot?: string | undefined;
}

/**
 * Probes the host, opens the two directories, and finishes what killed commands left.
 *
 * @throws NOT_ROOT, STATE_TOO_NEW, STATE_CORRUPT, RESOURCE_DISK_FULL
 */
export async function openHostContext(options: HostOptions = {}): Promise<HostContext> {
  const facts = await hostFacts();
  requireRoot(facts);
  const roots = await openRoots({
    root: resolve(options.root ?? '/var/lib/tszone'),
    runRoot: resolve(options.runRoot ?? '/run/tszone'),
  });
  const unfinished = await recoverInterrupted(roots);
  return { roots, facts, unfinished };
}
