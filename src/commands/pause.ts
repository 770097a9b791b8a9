import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunPause } from '../operations/dry-run-signal.js';
import { pauseZone } from '../operations/signal-zone.js';

export default class Pause extends BaseCommand<typeof Pause> {
  static override summary = 'Freeze everything in zones';
  static override aliases = ['freeze'];
  static override args = { zone: zonesArg };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true)
      return planned(await this.operate((host) => Promise.all(this.args.zone.map((name) => dryRunPause(host, name)))));
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        await pauseZone(host, name, options);
        return done(name, `zone "${name}" is paused`, { name, status: 'paused' });
      }),
    );
  }
}
