import { BaseCommand } from '../../cli/base-command.js';
import { optionalArg } from '../../cli/flags.js';
import { type Output, text } from '../../cli/output.js';
import { printable } from '../../cli/printable.js';
import { requiredSnapshot, snapshotArg } from '../../cli/snapshot-arg.js';
import { zoneError } from '../../errors/index.js';
import { diffSnapshots } from '../../operations/snapshot-diff.js';

const letters = { added: '+', changed: '~', deleted: '-' } as const;

import { requireSnapshotRef } from '../../spec/index.js';

export default class SnapshotDiff extends BaseCommand<typeof SnapshotDiff> {
  static override summary = 'List the files that differ between two snapshots, or a snapshot and the zone';
  static override description =
    '+ was added, ~ changed, - deleted. A file has changed if its type, owner, mode, size, time, target or an attribute has.';
  static override examples = ['tszone snapshot diff web@before', 'tszone snapshot diff web@before web@after'];
  static override args = {
    snapshot: snapshotArg,
    other: optionalArg('ZONE@SNAPSHOT; the zone as it is now if not given'),
  };

  async run(): Promise<Output> {
    const { zone, snapshot: from } = requiredSnapshot(this.args.snapshot);
    const other = requireSnapshotRef(this.args.other ?? zone);
    if (other.zone !== zone) {
      throw zoneError('USAGE_BAD_ARGUMENT', `"${other.zone}" is another zone than "${zone}"`, {
        hint: `Compare ${zone}@${from} with another snapshot of ${zone}.`,
      });
    }
    const diff = await this.operate((host, options) =>
      diffSnapshots(host, { zone, from, to: other.snapshot }, options),
    );
    const lines = diff.changes.map(({ path, change }) => `${letters[change]} ${printable(path, { oneLine: true })}\n`);
    const counts = `${diff.added} added, ${diff.changed} changed, ${diff.deleted} deleted\n`;
    return text(this.common.quiet ? lines.join('') : `${lines.join('')}${counts}`, diff);
  }
}
