import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, optionalArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunSnapshotPrune } from '../../operations/dry-run-snapshot.js';
import { pruneSnapshots } from '../../operations/snapshot-prune.js';
import { counted } from '../../spec/count.js';

export default class SnapshotPrune extends BaseCommand<typeof SnapshotPrune> {
  static override summary = 'Remove snapshots whose time is over, and layers that nothing is made of';
  static override takesLocks = true;
  static override args = { zone: optionalArg('of this zone only') };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSnapshotPrune(host, this.args.zone))]);
    const pruned = await this.operate((host, options) => pruneSnapshots(host, this.args.zone, options));
    const { snapshots, layers } = pruned;
    return done(
      snapshots.join('\n'),
      `removed ${counted(snapshots.length, 'snapshot')} and ${counted(layers.length, 'unused layer')}`,
      pruned,
    );
  }
}
