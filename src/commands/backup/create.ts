import * as Flags from '@oclif/core/flags';
import { passwordFlag, repositoryFlag, repositoryOptions } from '../../cli/backup-flags.js';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { type BackupResult, createBackup } from '../../operations/backup-create.js';
import { dryRunBackupCreate } from '../../operations/dry-run-backup.js';
import { formatSize } from '../../spec/index.js';

export default class BackupCreate extends BaseCommand<typeof BackupCreate> {
  static override summary = 'Put what a zone is now into a repository: encrypted, and only what is new';
  static override description =
    'As for a snapshot, a running zone stands still only while what it wrote meanwhile is copied. Its settings come along.\nThe first backup makes the repository. Whoever loses the password loses all backups.';
  static override examples = [
    'tszone backup create web --to /mnt/backups --password-file /root/backup-password',
    'tszone backup create web@before --to sftp:backup@nas:/tszone --comment "before the upgrade"',
  ];
  static override takesLocks = true;
  static override args = { zone: requiredArg('the zone, or ZONE@SNAPSHOT') };
  static override flags = {
    ...dryRunFlag,
    ...repositoryFlag,
    comment: Flags.string({ helpValue: 'TEXT', description: 'what it is for' }),
    ...passwordFlag,
  };

  async run(): Promise<Output> {
    const { zone } = this.args;
    const { to, comment } = this.flags;
    const input = { ...repositoryOptions(to, this.flags, this.caller), zone, comment };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host, options) => dryRunBackupCreate(host, { ...input, ...options }))]);
    using progress = this.progress(`backing up ${zone}`);
    const made = await this.operate((host, options) =>
      createBackup(host, {
        ...input,
        ...options,
        progress: (update) => progress.update(update),
      }),
    );
    if (made.madeRepository) this.note(`the repository "${to}" is made; keep a copy of its password elsewhere`);
    return done(made.id, `backup ${made.id} of zone "${made.zone}" is made: ${costOf(made)}`, made);
  }
}

function costOf({ sizeBytes, addedBytes, frozenMs, sameAs }: BackupResult): string {
  if (sameAs !== undefined) return `nothing has changed since backup ${sameAs}, which has all of it`;
  const stood = frozenMs === undefined ? '' : `; the zone stood still for ${frozenMs} ms`;
  return `${formatSize(addedBytes)} of ${formatSize(sizeBytes)} are new${stood}`;
}
