import { BaseCommand } from '../cli/base-command.js';
import { zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { pauseZone } from '../operations/signal-zone.js';

export default class Pause extends BaseCommand<typeof Pause> {
  static override summary = 'Freeze everything in zones';
  static override aliases = ['freeze'];
  static override args = { zone: zonesArg };

  async run(): Promise<Output> {
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        await pauseZone(host, name, options);
        return done(name, `zone "${name}" is paused`, { name, status: 'paused' });
      }),
    );
  }
}
