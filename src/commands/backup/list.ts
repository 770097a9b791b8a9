import { passwordFlag, repositoryArg, repositoryOptions } from '../../cli/backup-flags.js';
import { BaseCommand } from '../../cli/base-command.js';
import { listFlags, optionalArg } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listBackups } from '../../operations/backup-list.js';
import { formatSize } from '../../spec/index.js';

export default class BackupList extends BaseCommand<typeof BackupList> {
  static override summary = 'List the backups of a repository, the oldest first';
  static override aliases = ['backup ls'];
  static override args = { repository: repositoryArg, zone: optionalArg('of this zone only') };
  static override flags = { ...listFlags, ...passwordFlag };

  async run(): Promise<Output> {
    const { repository, zone } = this.args;
    const backups = await this.operate((host, options) =>
      listBackups(host, { ...repositoryOptions(repository, this.flags, this.caller), ...options, zone }),
    );
    return list(
      backups,
      [
        { key: 'id', text: ({ id }) => id },
        { key: 'zone', text: (backup) => backup.zone },
        { key: 'createdAt', text: ({ createdAt }) => createdAt },
        { key: 'host', text: ({ host }) => host },
        { key: 'size', text: ({ sizeBytes }) => (sizeBytes === undefined ? undefined : formatSize(sizeBytes)) },
        { key: 'comment', text: ({ comment }) => comment },
      ],
      ({ id }) => id,
    );
  }
}
