import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { Behind } from '../../cli/behind.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { keepTime } from '../../cli/snapshot-arg.js';
import { dryRunSnapshotCreate } from '../../operations/dry-run-snapshot.js';
import { createSnapshot, type SnapshotResult } from '../../operations/snapshot-create.js';
import { formatSize, requireSnapshotRef } from '../../spec/index.js';

export default class SnapshotCreate extends BaseCommand<typeof SnapshotCreate> {
  static override summary = 'Keep what a zone is now';
  static override description =
    'Of a stopped zone at once, whatever it holds. A running one is copied, and stands still only while what it wrote meanwhile is.';
  static override examples = [
    'tszone snapshot create web@before --comment "before the upgrade"',
    'tszone snapshot create web --keep 24h',
  ];
  static override takesLocks = true;
  static override args = { zone: requiredArg('ZONE, or ZONE@NAME: else the name is made of the time') };
  static override flags = {
    comment: Flags.string({ helpValue: 'TEXT', description: 'what it is for' }),
    keep: Flags.string({ helpValue: 'TIME', description: 'it goes by itself after this time, such as 24h, 7d, 4w' }),
    ...dryRunFlag,
  };

  async run(): Promise<Output> {
    const { zone, snapshot: name } = requireSnapshotRef(this.args.zone);
    const input = { name, comment: this.flags.comment, keepMs: keepTime(this.flags.keep) };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSnapshotCreate(host, zone, input))]);
    const rest = new Behind((note) => this.note(note));
    const made = await this.operate((host, options) =>
      createSnapshot(host, zone, input, { ...options, ...rest.options }),
    );
    for (const note of made.notes) this.note(note);
    if (made.expired.length > 0) this.note(`expired, and gone now: ${made.expired.join(', ')}`);
    return rest.with(done(`${zone}@${made.name}`, `snapshot "${zone}@${made.name}" is made${costOf(made)}`, made));
  }
}

function costOf({ frozenMs, copiedBytes }: SnapshotResult): string {
  if (frozenMs === undefined) return '';
  return `; ${formatSize(copiedBytes)} copied, the zone stood still for ${frozenMs} ms`;
}
