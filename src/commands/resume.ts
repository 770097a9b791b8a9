import { BaseCommand } from '../cli/base-command.js';
import { zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { resumeZone } from '../operations/signal-zone.js';

export default class Resume extends BaseCommand<typeof Resume> {
  static override summary = 'Let paused zones run on';
  static override aliases = ['thaw', 'unpause'];
  static override args = { zone: zonesArg };

  async run(): Promise<Output> {
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        await resumeZone(host, name, options);
        return done(name, `zone "${name}" is running`, { name, status: 'running' });
      }),
    );
  }
}
