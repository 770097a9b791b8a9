import { passwordFlag, repositoryArg, repositoryOptions } from '../../cli/backup-flags.js';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, optionalArg, requiredArg } from '../../cli/flags.js';
import { importFlags, importRemarks, trustOf } from '../../cli/import-flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { restoreBackup } from '../../operations/backup-restore.js';
import { dryRunBackupRestore } from '../../operations/dry-run-import.js';
import { formatSize } from '../../spec/index.js';

export default class BackupRestore extends BaseCommand<typeof BackupRestore> {
  static override summary = 'Make a zone of a backup';
  static override description =
    'The zone gets a host name, machine-id, MAC and IP addresses and, where it had some, ssh host keys of its own, unless --keep-identity is given.\nWhat the backup asks for that could harm this host (privileges, mounts, devices, low ports) is refused by name, unless --trust or --restrict is given.';
  static override examples = [
    'tszone backup restore /mnt/backups web --keep-identity',
    'tszone backup restore /mnt/backups ae540b2e web-old',
  ];
  static override takesLocks = true;
  static override args = {
    repository: repositoryArg,
    backup: requiredArg('its id, or ZONE or ZONE@latest for the newest one'),
    name: optionalArg('the name of the zone; the one that it had if not given'),
  };
  static override flags = { ...dryRunFlag, ...importFlags, ...passwordFlag };

  async run(): Promise<Output> {
    const { repository, backup, name } = this.args;
    const input = {
      ...repositoryOptions(repository, this.flags, this.caller),
      backup,
      name,
      pool: this.flags.pool,
      keepIdentity: this.flags['keep-identity'] === true,
      trust: trustOf(this.flags),
    };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host, options) => dryRunBackupRestore(host, { ...input, ...options }))]);
    using progress = this.progress(`restoring ${name ?? backup}`);
    const result = await this.operate((host, options) =>
      restoreBackup(host, {
        ...input,
        ...options,
        progress: (update) => progress.update(update),
      }),
    );
    for (const remark of importRemarks(result)) this.note(remark);
    const from = `backup ${result.backup.id} of ${result.backup.createdAt}`;
    const text = `zone "${result.name}" is what it was in ${from} (${formatSize(result.sizeBytes)}); "tszone start ${result.name}" starts it`;
    return done(result.name, text, result);
  }
}
