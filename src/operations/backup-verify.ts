/** `backup verify`: whether a repository has all that it should have, and with `readData` whether that is what was written. */
import { baseOf, readBackups } from './backup-list.js';
import { describeRepository, type RepositoryOptions, runResticAlone } from './backup-repository.js';
import type { HostContext } from './host-context.js';

export interface BackupVerified {
  readonly repository: string;
  readonly backups: number;
  readonly readData: boolean;
}

/** @throws BACKUP_DAMAGED, BACKUP_REPOSITORY_NOT_FOUND, BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, LOCK_BUSY, HOST_TOOL_MISSING */
export async function verifyBackups(
  host: Pick<HostContext, 'roots'>,
  options: RepositoryOptions & { readonly readData?: boolean | undefined },
): Promise<BackupVerified> {
  const repository = await describeRepository(host, options);
  const readData = options.readData === true;
  await runResticAlone(repository, ['check', ...(readData ? ['--read-data'] : [])]);
  const backups = await readBackups(repository);
  for (const backup of backups) baseOf(backups, backup);
  return { repository: repository.name, backups: backups.length, readData };
}
