import * as Flags from '@oclif/core/flags';
import { passwordFlag, repositoryArg, repositoryOptions } from '../../cli/backup-flags.js';
import { BaseCommand } from '../../cli/base-command.js';
import { done, type Output } from '../../cli/output.js';
import { verifyBackups } from '../../operations/backup-verify.js';
import { counted } from '../../spec/count.js';

export default class BackupVerify extends BaseCommand<typeof BackupVerify> {
  static override summary = 'Check that a repository has all that its backups are made of';
  static override description =
    'Without --read-data only lists, names and lengths are looked at: a byte that has changed is found by reading it.';
  static override args = { repository: repositoryArg };
  static override flags = {
    'read-data': Flags.boolean({ description: 'read everything, and check that it is what was written' }),
    ...passwordFlag,
  };

  async run(): Promise<Output> {
    const { repository } = this.args;
    const readData = this.flags['read-data'] === true;
    const result = await this.operate((host, options) =>
      verifyBackups(host, { ...repositoryOptions(repository, this.flags, this.caller), ...options, readData }),
    );
    const how = readData ? 'all data were read' : 'data were not read (--read-data)';
    return done(
      repository,
      `repository "${repository}" is whole: ${counted(result.backups, 'backup')}, ${how}`,
      result,
    );
  }
}
