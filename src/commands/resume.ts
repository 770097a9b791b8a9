import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunResume } from '../operations/dry-run-signal.js';
import { resumeZone } from '../operations/signal-zone.js';

export default class Resume extends BaseCommand<typeof Resume> {
  static override summary = 'Let paused zones run on';
  static override aliases = ['thaw', 'unpause'];
  static override args = { zone: zonesArg };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true)
      return planned(await this.operate((host) => Promise.all(this.args.zone.map((name) => dryRunResume(host, name)))));
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        await resumeZone(host, name, options);
        return done(name, `zone "${name}" is running`, { name, status: 'running' });
      }),
    );
  }
}
