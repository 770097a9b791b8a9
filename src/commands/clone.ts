import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { Behind } from '../cli/behind.js';
import { cloneCost, cloneFlags, cloneInput, cloneSourceArg } from '../cli/clone-flags.js';
import { dryRunFlag, requiredArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { cloneZone } from '../operations/clone-zone.js';
import { dryRunClone, dryRunFork } from '../operations/dry-run-clone.js';
import { forkZone } from '../operations/fork-zone.js';

export default class Clone extends BaseCommand<typeof Clone> {
  static override summary = 'Make a zone that is what another is, or was at a snapshot';
  static override description =
    'The source may run. The clone is another machine: it has a machine id, addresses, ssh host keys and a name of its own. Flags change what it is.';
  static override aliases = ['copy'];
  static override examples = ['tszone clone web web2', 'tszone clone web@before test --memory 256M --start'];
  static override takesLocks = true;
  static override args = { source: cloneSourceArg, name: requiredArg("the clone's name") };
  static override flags = {
    ...dryRunFlag,
    start: Flags.boolean({ description: 'start it at once' }),
    ...cloneFlags,
  };

  async run(): Promise<Output> {
    const { source, name } = this.args;
    const input = { ...cloneInput(source, this.flags, this.caller.env), name };
    const isStarted = this.flags.start === true;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => (isStarted ? dryRunFork : dryRunClone)(host, input))]);
    const rest = new Behind((note) => this.note(note));
    const cloned = await this.operate((host, options) =>
      (isStarted ? forkZone : cloneZone)(host, input, { ...options, ...rest.options }),
    );
    for (const note of cloned.notes) this.note(note);
    const what = isStarted
      ? `zone "${name}" is a clone of "${source}", and runs`
      : `zone "${name}" is a clone of "${source}"`;
    return rest.with(done(name, `${what}${cloneCost(cloned)}`, cloned));
  }
}
