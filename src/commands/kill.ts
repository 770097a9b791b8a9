import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { zoneError } from '../errors/index.js';
import { dryRunKill } from '../operations/dry-run-signal.js';
import { killZone } from '../operations/signal-zone.js';
import { signalNumber } from '../spec/index.js';

export default class Kill extends BaseCommand<typeof Kill> {
  static override summary = 'Send a signal to the processes of a zone';
  static override examples = ['tszone kill -s HUP web', 'tszone kill -s KILL --all web'];
  static override args = { zone: zoneArg };
  static override flags = {
    ...dryRunFlag,
    signal: Flags.string({
      char: 's',
      default: 'KILL',
      helpValue: 'SIGNAL',
      description: 'TERM, SIGUSR1, 15; KILL if not given',
    }),
    all: Flags.boolean({ description: 'every process of the zone, not only pid 1' }),
  };

  async run(): Promise<Output> {
    const name = this.args.zone;
    const signal = signalNumber(this.flags.signal);
    if (signal === undefined) {
      throw zoneError('USAGE_BAD_ARGUMENT', `"--signal" is not a signal: "${this.flags.signal}"`, {
        hint: 'Write TERM, SIGUSR1, RTMIN+3 or a number.',
      });
    }
    const what = { signal, all: this.flags.all === true };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunKill(host, name, what))]);
    await this.operate((host) => killZone(host, name, what));
    return done(name, `zone "${name}" was sent signal ${signal}`, { name, signal });
  }
}
