import { BaseCommand } from '../../cli/base-command.js';
import { optionalArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { pruneSnapshots } from '../../operations/snapshot-prune.js';

export default class SnapshotPrune extends BaseCommand<typeof SnapshotPrune> {
  static override summary = 'Remove snapshots whose time is over, and layers that nothing is made of';
  static override takesLocks = true;
  static override args = { zone: optionalArg('of this zone only') };

  async run(): Promise<Output> {
    const pruned = await this.operate((host, options) => pruneSnapshots(host, this.args.zone, options));
    const { snapshots, layers } = pruned;
    return done(
      snapshots.join('\n'),
      `removed ${snapshots.length} snapshots and ${layers.length} unused layers`,
      pruned,
    );
  }
}
