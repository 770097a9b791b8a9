import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredRestArg, zoneArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunPortAdd } from '../../operations/dry-run-change.js';
import { addPorts } from '../../operations/port-add.js';

export default class PortAdd extends BaseCommand<typeof PortAdd> {
  static override summary = 'Publish ports of a zone: at once if it runs, and saved';
  static override description = 'A port is [ADDR:]HOST:ZONE[/udp]; the host answers on 127.0.0.1 unless ADDR is given.';
  static override examples = ['tszone port add web 8080:80', 'tszone port add dns 0.0.0.0:53:53/udp'];
  static override args = { zone: zoneArg, port: requiredRestArg('[ADDR:]HOST:ZONE[/udp]') };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { zone, port } = this.args;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunPortAdd(host, zone, port))]);
    const result = await this.operate((host, options) => addPorts(host, zone, port, options));
    return done(zone, `zone "${zone}" publishes ${result.ports.join(', ')}`, result);
  }
}
