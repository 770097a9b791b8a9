import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { deleteZone, missingNote } from '../operations/delete-zone.js';
import { dryRunDelete } from '../operations/dry-run-end.js';

export default class Delete extends BaseCommand<typeof Delete> {
  static override summary = 'Delete zones with all that is in them';
  static override description = 'A zone that is not there is no error: a note on stderr says so.';
  static override aliases = ['rm', 'destroy'];
  static override takesLocks = true;
  static override args = { zone: zonesArg };
  static override flags = {
    ...dryRunFlag,
    force: Flags.boolean({ char: 'f', description: 'stop it first if it runs' }),
    yes: Flags.boolean({ char: 'y', description: 'do not ask; it is asked only on a terminal' }),
  };

  async run(): Promise<Output> {
    const names = this.args.zone;
    const force = this.flags.force === true;
    if (this.flags['dry-run'] === true)
      return planned(
        await this.operate((host) => Promise.all(names.map((name) => dryRunDelete(host, name, { force })))),
      );
    if (this.flags.yes !== true && !force)
      await this.confirm(`Delete ${names.map((name) => `zone "${name}"`).join(', ')}?`);
    return this.operate((host, options) =>
      this.forEach(names, async (name) => {
        const result = await deleteZone(host, name, { ...options, force });
        if (!result.deleted) this.note(missingNote(name, result.nearest));
        return done(name, result.deleted ? `zone "${name}" is deleted` : `zone "${name}" is not there`, result);
      }),
    );
  }
}
