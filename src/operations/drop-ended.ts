/** The end of a throw-away zone whose caller waits for its status: what others can see goes first, the rest behind the caller's back. */
import { removeSharedGroups } from '../cgroups/index.js';
import { rm } from '../host/quick-fs.js';
import { acquireJournalLocks, findZone, type ZoneRecord, zonePaths } from '../state/index.js';
import { boundary } from './boundaries.js';
import type { HostContext } from './host-context.js';
import { recoverZone } from './recover.js';

export interface Remains {
  /** Nothing is left, and the zone's lock is free. Fails as a delete does; the next command tries again. */
  readonly cleaned: Promise<void>;
}

/**
 * Of a zone that has ended and has the journal of its delete: when this returns there is no zone of the name, and who asks for one waits for the
 * lock until the remains are gone.
 */
export async function dropEnded(
  host: HostContext,
  { name, machineId }: { readonly name: string } & Pick<ZoneRecord, 'machineId'>,
  monitorEnded: Promise<unknown>,
): Promise<Remains> {
  const { roots, facts } = host;
  const locks = await acquireJournalLocks(roots, name, {});
  const clean = async () => {
    try {
      await monitorEnded;
      await recoverZone(roots, name, { journals: locks.journals });
      removeSharedGroups(facts.cgroup, roots.instance);
    } finally {
      await locks.release();
    }
  };
  try {
    // Somebody else may have deleted it meanwhile, and made another.
    const record = await findZone(roots, name);
    if (record?.machineId === machineId) await rm(zonePaths(roots, name).record, { force: true });
    boundary('run', name, 'gone');
  } catch (error) {
    await locks.release();
    throw error;
  }
  const cleaned = clean();
  cleaned.catch(() => {});
  return { cleaned };
}
