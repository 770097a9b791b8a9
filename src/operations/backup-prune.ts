/** `backup prune`: backups that a policy does not keep go, and with them what nothing is made of any more. */
import { type KeepPolicy, keptBy } from '../spec/index.js';
import { type Backup, readBackups } from './backup-list.js';
import { describeRepository, type RepositoryOptions, runResticAlone } from './backup-repository.js';
import type { HostContext } from './host-context.js';

export interface BackupPruneOptions extends RepositoryOptions {
  readonly keep: KeepPolicy;
  /** Nothing is removed. */
  readonly dryRun?: boolean | undefined;
}

export interface BackupPruned {
  readonly removed: readonly Backup[];
  readonly kept: number;
}

/** @throws BACKUP_REPOSITORY_NOT_FOUND, BACKUP_DAMAGED, BACKUP_PASSWORD_MISSING, BACKUP_PASSWORD_WRONG, LOCK_BUSY, HOST_TOOL_MISSING */
export async function pruneBackups(
  host: Pick<HostContext, 'roots'>,
  options: BackupPruneOptions,
): Promise<BackupPruned> {
  const repository = await describeRepository(host, options);
  const backups = await readBackups(repository);
  const removed = backupsToRemove(backups, options.keep);
  const result = { removed, kept: backups.length - removed.length };
  if (options.dryRun === true) return result;
  const forget = removed.length === 0 ? ['prune'] : ['forget', '--prune', ...removed.map(({ id }) => id)];
  await runResticAlone(repository, forget);
  return result;
}

/** Each zone of each machine has the whole of the policy. What a kept one is the same as stays, too. Pure. */
export function backupsToRemove(backups: readonly Backup[], keep: KeepPolicy): Backup[] {
  const groups = new Set(backups.map(groupOf));
  const kept = [...groups].flatMap((group) => {
    const dated = backups
      .filter((backup) => groupOf(backup) === group)
      .map((backup) => ({ backup, createdAtMs: Date.parse(backup.createdAt) }));
    return [...keptBy(keep, dated)].map(({ backup }) => backup);
  });
  const bases = new Set(kept.map(({ sameAs }) => sameAs));
  return backups.filter((backup) => !kept.includes(backup) && !bases.has(backup.id));
}

const groupOf = ({ host, zone }: Backup) => `${zone} ${host}`;
