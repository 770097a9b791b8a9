/** `backup restore`: a zone of what is in a repository. What comes out of that is trusted no more than any exported zone. */
import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { anySignal, spawnTool } from '../host/index.js';
import { backupError } from './backup-error.js';
import { archiveOf, type Backup, baseOf, chooseBackup, readBackups } from './backup-list.js';
import { describeRepository, type Repository, type RepositoryOptions, resticCall } from './backup-repository.js';
import type { HostContext } from './host-context.js';
import { type ImportOptions, type ImportResult, importZone } from './import-zone.js';
import type { OperationOptions } from './zone-lock.js';

export interface BackupRestoreOptions extends RepositoryOptions, Omit<ImportOptions, 'source'> {
  /** An id, ZONE, or ZONE@latest. */
  readonly backup: string;
}

export interface BackupRestored extends ImportResult {
  readonly backup: Backup;
}

/**
 * Nothing of the zone is there before all of it is, and nothing is left if a step fails.
 *
 * @throws BACKUP_NOT_FOUND, BACKUP_DAMAGED, BACKUP_REPOSITORY_NOT_FOUND, BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, HOST_TOOL_MISSING; what import throws
 */
export async function restoreBackup(host: HostContext, options: BackupRestoreOptions): Promise<BackupRestored> {
  const repository = await describeRepository(host, options);
  const { backup, base } = await findBackup(repository, options.backup);
  return {
    ...(await withArchive(repository, base, options, (source) => importZone(host, { ...options, source }))),
    backup,
  };
}

/** @returns the one that is asked for, and the one that has its files @throws BACKUP_NOT_FOUND, BACKUP_DAMAGED */
export async function findBackup(
  repository: Repository,
  asked: string,
): Promise<{ readonly backup: Backup; readonly base: Backup }> {
  const backups = await readBackups(repository);
  const backup = chooseBackup(backups, asked, hostname());
  return { backup, base: baseOf(backups, backup) };
}

/** As much of the archive comes as `read` takes. @throws what `read` throws, or what restic says if that ended too early */
export async function withArchive<T>(
  repository: Repository,
  { id, zone }: Backup,
  { signal }: OperationOptions,
  read: (source: Readable) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const stop = anySignal([signal, over.signal]);
  const restic = spawnTool({ ...resticCall(repository, ['dump', id, archiveOf(zone)]), signal: stop });
  restic.done.catch(() => undefined);
  restic.stdin.end();
  try {
    return await read(restic.stdout);
  } catch (error) {
    signal?.throwIfAborted();
    // What is cut off was cut off by restic, which says why.
    if (restic.stdout.readableEnded) await restic.done.catch(rethrowAs(repository));
    throw error;
  } finally {
    over.abort();
    await restic.done.catch(() => undefined);
  }
}

function rethrowAs({ name }: Repository): (error: unknown) => never {
  return (error) => {
    throw backupError(error, name);
  };
}
