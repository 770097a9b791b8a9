/** Ranges in the register of ids whose zones are gone. */
import { dirname, join } from 'node:path';
import { access, readdir, readFile } from '../host/quick-fs.js';
import { type Entry, type IdLease, type IdLedger, idLedger, idOwner, withRegister } from './id-register-file.js';
import { isErrno } from './json-file.js';
import { mountPoints } from './mounts.js';
import { zonePaths } from './zone-paths.js';

export interface PruneIdsOptions {
  readonly directory?: string | undefined;
  /** Ids that processes have now; a test's own. */
  readonly usedIds?: () => Promise<readonly number[]>;
}

/**
 * Drops entries whose zone is gone, for `doctor --fix`: the root is there without the zone, or what the root lay on is
 * mounted and the root is not there. A root that may be away only now keeps all that it has, as does a range with a process.
 *
 * @returns what was dropped
 */
export async function pruneIds({ directory, usedIds = processIds }: PruneIdsOptions = {}): Promise<IdLease[]> {
  if (idLedger(directory).refresh().all().length === 0) return [];
  return withRegister(directory, async (register) => {
    const dropped = await strayEntries(register, usedIds);
    const owners = dropped.map((entry) => idOwner(entry, entry.zone));
    const left = (owner: string) => register.of(owner).filter((entry) => !dropped.includes(entry));
    await register.write(new Map(owners.map((owner) => [owner, left(owner)])));
    return dropped.map(leaseOf);
  });
}

/** What would be freed. */
export async function strayIds({ directory, usedIds = processIds }: PruneIdsOptions = {}): Promise<IdLease[]> {
  return (await strayEntries(idLedger(directory).refresh(), usedIds)).map(leaseOf);
}

const leaseOf = ({ root, zone, base, count }: Entry): IdLease => ({ root, zone, base, count });

async function strayEntries(
  register: Pick<IdLedger, 'all'>,
  usedIds: () => Promise<readonly number[]>,
): Promise<Entry[]> {
  const entries = register.all();
  const points = await mountPoints();
  const gone = await Promise.all(entries.map((entry) => isGone(entry, points)));
  const used = gone.includes(true) ? await usedIds() : [];
  const isDropped = (entry: Entry, index: number) =>
    gone[index] === true && !used.some((id) => id >= entry.base && id < entry.base + entry.count);
  return entries.filter(isDropped);
}

async function isGone({ root, zone, mount }: Entry, points: readonly string[]): Promise<boolean> {
  const paths = zonePaths({ root, runRoot: '', instance: '' }, zone);
  // An empty directory may be where a disk belongs.
  if (await exists(dirname(paths.directory))) {
    return !(await exists(paths.directory)) && !(await exists(join(root, 'journal', `${zone}.json`)));
  }
  return mount !== undefined && points.includes(mount) && !(await exists(root));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    // What cannot be looked at (EACCES, EIO) is there.
    (error: unknown) => !isErrno(error, 'ENOENT', 'ENOTDIR'),
  );
}

/** User and group ids of all processes: real, effective, saved and of the file system (proc_pid_status(5)). */
async function processIds(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')));
  const lines = texts.flatMap((text) => [...text.matchAll(/^[UG]id:\t(.*)$/gm)].map(([, ids = '']) => ids));
  return [...new Set(lines.flatMap((line) => line.split('\t').map(Number)))];
}
