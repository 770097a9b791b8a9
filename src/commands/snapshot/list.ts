import { BaseCommand } from '../../cli/base-command.js';
import { listFlags, optionalArg } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listSnapshots } from '../../operations/snapshot-list.js';

export default class SnapshotList extends BaseCommand<typeof SnapshotList> {
  static override summary = 'List snapshots, of one zone or of all, the oldest first';
  static override aliases = ['snapshot ls'];
  static override args = { zone: optionalArg('of this zone only') };
  static override flags = listFlags;

  async run(): Promise<Output> {
    const snapshots = await this.operate((host) => listSnapshots(host, this.args.zone));
    return list(
      snapshots,
      [
        { key: 'snapshot', text: ({ zone, name }) => `${zone}@${name}` },
        { key: 'createdAt', text: ({ createdAt }) => createdAt },
        { key: 'expiresAt', text: ({ expiresAt }) => expiresAt },
        { key: 'pool', text: ({ pool }) => pool },
        { key: 'comment', text: ({ comment }) => comment },
      ],
      ({ zone, name }) => `${zone}@${name}`,
    );
  }
}
