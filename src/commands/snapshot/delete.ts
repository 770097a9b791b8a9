import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredRestArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { requiredSnapshot } from '../../cli/snapshot-arg.js';
import { dryRunSnapshotDelete } from '../../operations/dry-run-snapshot.js';
import { deleteSnapshot } from '../../operations/snapshot-delete.js';

export default class SnapshotDelete extends BaseCommand<typeof SnapshotDelete> {
  static override summary = 'Delete snapshots';
  static override description = 'A snapshot that is not there is no error: a note on stderr says so.';
  static override aliases = ['snapshot rm'];
  static override takesLocks = true;
  static override args = { snapshot: requiredRestArg('ZONE@SNAPSHOT, several if you like') };
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'do not ask; it is asked only on a terminal' }),
    ...dryRunFlag,
  };

  async run(): Promise<Output> {
    const names = this.args.snapshot;
    const refs = new Map(names.map((name) => [name, requiredSnapshot(name)]));
    if (this.flags['dry-run'] === true)
      return planned(
        await this.operate(async (host) =>
          Promise.all([...refs.values()].map((ref) => dryRunSnapshotDelete(host, ref))),
        ),
      );
    if (this.flags.yes !== true) await this.confirm(`Delete ${names.map((name) => `snapshot "${name}"`).join(', ')}?`);
    return this.operate((host, options) =>
      this.forEach([...refs.keys()], async (name) => {
        const result = await deleteSnapshot(host, refs.get(name) ?? requiredSnapshot(name), options);
        if (!result.deleted)
          this.note(
            `there is no snapshot "${name}"${result.nearest === undefined ? '' : `; did you mean "${result.zone}@${result.nearest}"?`}`,
          );
        return done(name, result.deleted ? `snapshot "${name}" is deleted` : `snapshot "${name}" is not there`, result);
      }),
    );
  }
}
