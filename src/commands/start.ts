import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunStart } from '../operations/dry-run.js';
import { startZone } from '../operations/start-zone.js';

export default class Start extends BaseCommand<typeof Start> {
  static override summary = 'Start zones';
  static override examples = ['tszone start web'];
  static override takesLocks = true;
  static override args = { zone: zonesArg };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) {
      return planned(await this.operate((host) => Promise.all(this.args.zone.map((name) => dryRunStart(host, name)))));
    }
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        const started = await startZone(host, name, options);
        for (const note of started.notes) this.note(note);
        return done(name, `zone "${name}" is running`, started);
      }),
    );
  }
}
