import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { requiredSnapshot, snapshotArg } from '../../cli/snapshot-arg.js';
import { dryRunSnapshotRestore } from '../../operations/dry-run-snapshot.js';
import { returnToSnapshot } from '../../operations/snapshot-restore.js';

export default class SnapshotRestore extends BaseCommand<typeof SnapshotRestore> {
  static override summary = 'Make a zone what it was at a snapshot, settings included';
  static override description =
    'What was written since is lost unless there is a snapshot of it; all snapshots stay, newer ones too.';
  static override takesLocks = true;
  static override args = { snapshot: snapshotArg };
  static override flags = {
    force: Flags.boolean({ char: 'f', description: 'stop it first if it runs, and start it again' }),
    yes: Flags.boolean({ char: 'y', description: 'do not ask; it is asked only on a terminal' }),
    ...dryRunFlag,
  };

  async run(): Promise<Output> {
    const ref = requiredSnapshot(this.args.snapshot);
    const name = `${ref.zone}@${ref.snapshot}`;
    const force = this.flags.force === true;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSnapshotRestore(host, ref, force))]);
    if (this.flags.yes !== true && !force)
      await this.confirm(`Make zone "${ref.zone}" what it was at "${name}"? What was written since is lost.`);
    const { result, removed } = await this.operate((host, options) =>
      returnToSnapshot(host, ref, { ...options, force }),
    );
    for (const note of result.notes) this.note(note);
    const again = result.restarted ? ', and runs again' : '';
    return { ...done(ref.zone, `zone "${ref.zone}" is what it was at "${name}"${again}`, result), behind: removed };
  }
}
