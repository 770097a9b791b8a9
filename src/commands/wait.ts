import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { waitForZone } from '../operations/wait-zone.js';

export default class Wait extends BaseCommand<typeof Wait> {
  static override summary = 'Wait until a zone is running or stopped';
  static override examples = ['tszone wait --for stopped --timeout 1m job'];
  static override args = { zone: zoneArg };
  static override flags = {
    for: Flags.option({ options: ['running', 'stopped'] as const })({
      default: 'stopped',
      helpValue: 'running|stopped',
      description: 'what to wait for; stopped if not given',
    }),
  };

  async run(): Promise<Output> {
    const name = this.args.zone;
    const state = this.flags.for;
    const result = await this.operate((host, options) => waitForZone(host, name, { ...options, for: state }));
    const status = result.status === undefined ? '' : ` with status ${result.status}`;
    return done(name, `zone "${name}" is ${state}${status}`, { name, for: state, ...result });
  }
}
