import { BaseCommand } from '../cli/base-command.js';
import { list, type Output } from '../cli/output.js';
import { bootZones } from '../operations/boot-zones.js';

export default class Boot extends BaseCommand<typeof Boot> {
  static override summary = 'Start all zones that start with the machine';
  static override description =
    'Those with --autostart yes, or last if they ran; what systemd calls when the machine starts.';

  async run(): Promise<Output> {
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
