import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { Behind } from '../cli/behind.js';
import { cloneFlags, cloneInput, cloneSourceArg } from '../cli/clone-flags.js';
import { dryRunFlag, optionalArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunFork } from '../operations/dry-run-clone.js';
import { forkZone } from '../operations/fork-zone.js';

export default class Fork extends BaseCommand<typeof Fork> {
  static override summary = 'Clone a zone and start the clone at once';
  static override description =
    'Prints its name, which is generated if none is given. It boots from the files of that instant; processes are not copied.';
  static override examples = ['zone=$(tszone fork -q --rm web)', 'tszone fork web@before trial -p 8081:80'];
  static override takesLocks = true;
  static override args = { source: cloneSourceArg, name: optionalArg("the clone's name; generated if not given") };
  static override flags = {
    ...dryRunFlag,
    rm: Flags.boolean({ description: 'delete the clone when it ends' }),
    ...cloneFlags,
  };

  async run(): Promise<Output> {
    const { source, name } = this.args;
    const input = { ...cloneInput(source, this.flags, this.caller.env), name, ephemeral: this.flags.rm === true };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunFork(host, input))]);
    const rest = new Behind((note) => this.note(note));
    const forked = await this.operate((host, options) => forkZone(host, input, { ...options, ...rest.options }));
    for (const note of forked.notes) this.note(note);
    return rest.with(done(forked.name, forked.name, forked));
  }
}
