import * as Flags from '@oclif/core/flags';
import { passwordFlag, repositoryArg, repositoryOptions } from '../../cli/backup-flags.js';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { zoneError } from '../../errors/index.js';
import { pruneBackups } from '../../operations/backup-prune.js';
import { counted } from '../../spec/count.js';
import { type KeepPolicy, parseKeep } from '../../spec/index.js';

export default class BackupPrune extends BaseCommand<typeof BackupPrune> {
  static override summary = 'Remove the backups of a repository that a policy does not keep';
  static override description =
    'Of each zone, of the last 24 hours, 7 days and 4 weeks that have a backup the newest stays, for example; what any rule keeps is kept.';
  static override examples = ['tszone backup prune /mnt/backups --keep 24h,7d,4w'];
  static override args = { repository: repositoryArg };
  static override flags = {
    keep: Flags.string({
      required: true,
      helpValue: 'POLICY',
      description: 'how many are kept, such as 24h,7d,4w (h, d, w, m, y)',
    }),
    ...dryRunFlag,
    ...passwordFlag,
  };

  async run(): Promise<Output> {
    const { repository } = this.args;
    const keep = policyOf(this.flags.keep);
    const dryRun = this.flags['dry-run'] === true;
    const pruned = await this.operate((host, options) =>
      pruneBackups(host, { ...repositoryOptions(repository, this.flags, this.caller), ...options, keep, dryRun }),
    );
    const { removed, kept } = pruned;
    const ids = removed.map(({ id, zone, createdAt }) => `${id} (${zone}, ${createdAt})`).join(', ');
    const what = `${counted(removed.length, 'backup')}${ids === '' ? '' : `: ${ids}`}; ${kept} ${kept === 1 ? 'is' : 'are'} kept`;
    return done(removed.map(({ id }) => id).join('\n'), `${dryRun ? 'would remove' : 'removed'} ${what}`, pruned);
  }
}

function policyOf(text: string): KeepPolicy {
  const policy = parseKeep(text);
  if (policy !== undefined) return policy;
  throw zoneError('USAGE_BAD_ARGUMENT', `"--keep" is not a policy: "${text}"`, {
    hint: 'Write --keep 24h,7d,4w: the newest of each of 24 hours, 7 days and 4 weeks stays.',
  });
}
