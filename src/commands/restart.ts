import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunRestart } from '../operations/dry-run-end.js';
import { restartZone } from '../operations/restart-zone.js';

export default class Restart extends BaseCommand<typeof Restart> {
  static override summary = 'Stop zones and start them again';
  static override aliases = ['reboot'];
  static override takesLocks = true;
  static override args = { zone: zonesArg };
  static override flags = { ...dryRunFlag, force: Flags.boolean({ char: 'f', description: 'kill at once' }) };

  async run(): Promise<Output> {
    const names = this.args.zone;
    const force = this.flags.force === true;
    if (this.flags['dry-run'] === true)
      return planned(
        await this.operate((host) => Promise.all(names.map((name) => dryRunRestart(host, name, { force })))),
      );
    return this.operate((host, options) =>
      this.forEach(names, async (name) => {
        const started = await restartZone(host, name, { ...options, force });
        for (const note of started.notes) this.note(note);
        return done(name, `zone "${name}" is running`, started);
      }),
    );
  }
}
