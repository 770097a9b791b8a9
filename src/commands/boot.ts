import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag } from '../cli/flags.js';
import { list, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { bootZones } from '../operations/boot-zones.js';
import { dryRunBoot } from '../operations/dry-run-host.js';

export default class Boot extends BaseCommand<typeof Boot> {
  static override summary = 'Start all zones that start with the machine';
  static override description =
    'Those with --autostart yes, or last if they ran; what systemd calls when the machine starts.';
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) return planned(await this.operate((host) => dryRunBoot(host)));
    const results = await this.operate((host, options) => bootZones(host, options));
    const exitStatus = results.find(({ error }) => error !== undefined)?.error?.exitStatus;
    return {
      ...list(
        results,
        [
          { key: 'name', text: ({ name }) => name },
          { key: 'started', text: ({ started }) => (started ? 'yes' : 'no') },
          { key: 'error', text: ({ error }) => error?.message },
        ],
        ({ name }) => name,
      ),
      exitStatus,
    };
  }
}
