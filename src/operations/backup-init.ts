/** The first backup makes the repository. Killed at any step, the next one goes on. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, zoneError } from '../errors/index.js';
import { requireTool } from '../host/index.js';
import { acquireZoneLock, diskFull, isErrno, syncDirectory } from '../state/index.js';
import { type Repository, runRestic } from './backup-repository.js';
import type { HostContext } from './host-context.js';
import type { OperationOptions } from './zone-lock.js';

/** Below the repository: restic writes a key first and what uses it last, and a key of a killed run would open nothing. */
const stagingName = '.tszone-init';

/** @returns true if it was made @throws BACKUP_REPOSITORY_NOT_FOUND the directory holds something else */
export async function ensureRepository(
  { roots }: HostContext,
  repository: Repository,
  options: OperationOptions,
): Promise<boolean> {
  const { directory } = repository;
  if (directory === undefined) return ensureElsewhere(repository);
  if (existsSync(join(directory, 'config'))) return false;
  await using _lock = await acquireZoneLock(roots, 'backup@.init', options);
  if (existsSync(join(directory, 'config'))) return false;
  const staging = join(directory, stagingName);
  await requireEmpty(repository, directory, staging);
  if (!existsSync(join(staging, 'config'))) await makeStaged(repository, staging);
  const names = (await readdir(staging)).filter((name) => name !== 'config');
  for (const name of [...names, 'config']) await rename(join(staging, name), join(directory, name));
  await rmdir(staging);
  await syncDirectory(directory);
  return true;
}

/** Whether it is there. @throws as restic has it, if it cannot be opened; BACKUP_REPOSITORY_NOT_FOUND the directory holds something else */
export async function findRepository(repository: Repository): Promise<boolean> {
  const { directory } = repository;
  if (directory !== undefined && !existsSync(join(directory, 'config'))) {
    requireTool(repository.call);
    await requireEmpty(repository, directory, join(directory, stagingName));
    return false;
  }
  return opens(repository);
}

async function makeStaged(repository: Repository, staging: string): Promise<void> {
  const place = repository.directory ?? '';
  try {
    await rm(staging, { recursive: true, force: true });
    await mkdir(place, { recursive: true, mode: 0o700 });
    const flags = repository.flags.map((flag) => (flag === `local:${place}` ? `local:${staging}` : flag));
    await runRestic({ ...repository, flags }, ['init']);
  } catch (cause) {
    await rm(staging, { recursive: true, force: true });
    throw diskFull(cause, place);
  }
}

/** An empty one, or one that was begun. */
async function requireEmpty({ name }: Repository, directory: string, staging: string): Promise<void> {
  const found = await readdir(directory).catch((cause: unknown) => {
    if (isErrno(cause, 'ENOENT')) return [];
    if (isErrno(cause, 'ENOTDIR')) return ['it'];
    throw cause;
  });
  const isBegun = existsSync(join(staging, 'config'));
  const others = found.filter((one) => one !== stagingName && one !== 'lost+found');
  if (isBegun || others.length === 0) return;
  throw zoneError('BACKUP_REPOSITORY_NOT_FOUND', `"${name}" is neither a repository nor an empty directory`, {
    hint: 'Give a directory that is empty or not there yet, or that of a repository.',
    context: { repository: name, path: directory },
  });
}

async function ensureElsewhere(repository: Repository): Promise<boolean> {
  if (await opens(repository)) return false;
  await runRestic(repository, ['init']);
  return true;
}

async function opens(repository: Repository): Promise<boolean> {
  try {
    await runRestic(repository, ['cat', 'config', '--no-lock']);
    return true;
  } catch (error) {
    if (!hasCode(error, 'BACKUP_REPOSITORY_NOT_FOUND')) throw error;
    return false;
  }
}
