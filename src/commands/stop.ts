import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { parseTimeout } from '../cli/interrupts.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunStop } from '../operations/dry-run-end.js';
import { endZone } from '../operations/stop-zone.js';

export default class Stop extends BaseCommand<typeof Stop> {
  static override summary = 'Stop zones: ask pid 1, then kill what is left';
  static override aliases = ['shutdown'];
  static override examples = ['tszone stop web', 'tszone stop --force web'];
  static override takesLocks = true;
  static override args = { zone: zonesArg };
  static override flags = {
    ...dryRunFlag,
    force: Flags.boolean({ char: 'f', description: 'kill at once' }),
    'stop-timeout': Flags.string({
      helpValue: 'TIME',
      description: "how long pid 1 has; the zone's own setting if not given",
    }),
  };

  async run(): Promise<Output> {
    const names = this.args.zone;
    const force = this.flags.force === true;
    const stopTimeoutMs = parseTimeout(this.flags['stop-timeout'], '--stop-timeout');
    if (this.flags['dry-run'] === true)
      return planned(await this.operate((host) => Promise.all(names.map((name) => dryRunStop(host, name, { force })))));
    return this.operate((host, options) =>
      this.forEach(names, async (name) => {
        const { result, cleaned } = await endZone(host, name, { ...options, force, stopTimeoutMs });
        const how = result.killed ? ' (it had to be killed)' : result.wasRunning ? '' : ' (it was not running)';
        return { ...done(name, `zone "${name}" is stopped${how}`, result), behind: cleaned };
      }),
    );
  }
}
