import { BaseCommand } from '../cli/base-command.js';
import { zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { startZone } from '../operations/start-zone.js';

export default class Start extends BaseCommand<typeof Start> {
  static override summary = 'Start zones';
  static override examples = ['tszone start web'];
  static override args = { zone: zonesArg };

  async run(): Promise<Output> {
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        const started = await startZone(host, name, options);
        return done(name, `zone "${name}" is running`, started);
      }),
    );
  }
}
