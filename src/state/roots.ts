/** Where persistent and run-time data lie, and the short id that keeps two roots on one machine apart. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { access } from '../host/quick-fs.js';
import { makeStateDirectory, readJson, type Versioned, writeJson } from './json-file.js';
import { acquireLock } from './lock.js';
import { keepReserve } from './reserve.js';

export interface Roots {
  /** Persistent data, `/var/lib/tszone` unless moved. */
  readonly root: string;
  /** Run-time data, `/run/tszone` unless moved. */
  readonly runRoot: string;
  /** Six hex digits: part of every name that is global to the kernel. */
  readonly instance: string;
}

interface InstanceFile extends Versioned {
  readonly version: 1;
  readonly instance: string;
}

/** Makes the two directories if they are missing, keeps some space for a full disk, reads (or draws) the instance id. */
export async function openRoots(paths: { readonly root: string; readonly runRoot: string }): Promise<Roots> {
  const file = join(paths.root, 'instance.json');
  const known = await readJson<InstanceFile>(file, 1);
  if (known !== undefined) {
    if (!(await exists(join(paths.runRoot, 'zones')))) await makeRunDirectories(paths.runRoot);
    await keepReserve(paths);
    return { ...paths, instance: known.instance };
  }
  await makeStateDirectory(join(paths.root, 'zones'));
  await makeStateDirectory(join(paths.root, 'journal'));
  await makeRunDirectories(paths.runRoot);
  await using _lock = await acquireLock(join(paths.root, 'instance.lock'), { what: `root "${paths.root}"` });
  const raced = await readJson<InstanceFile>(file, 1);
  const instance = raced?.instance ?? randomBytes(3).toString('hex');
  if (raced === undefined) await writeJson<InstanceFile>(file, { version: 1, instance });
  await keepReserve(paths);
  return { ...paths, instance };
}

async function makeRunDirectories(runRoot: string): Promise<void> {
  for (const name of ['journal-life', 'zones']) await makeStateDirectory(join(runRoot, name));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
