import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredRestArg, zoneArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunPortRemove } from '../../operations/dry-run-change.js';
import { removePorts } from '../../operations/port-remove.js';

export default class PortRemove extends BaseCommand<typeof PortRemove> {
  static override summary = 'Publish ports of a zone no longer';
  static override aliases = ['port rm'];
  static override examples = ['tszone port remove web 8080'];
  static override args = {
    zone: zoneArg,
    port: requiredRestArg('as it was published, or its host side: 8080, 127.0.0.1:8080, 53/udp'),
  };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { zone, port } = this.args;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunPortRemove(host, zone, port))]);
    const result = await this.operate((host, options) => removePorts(host, zone, port, options));
    return done(zone, `zone "${zone}" publishes ${result.ports.join(', ') || 'no ports'}`, result);
  }
}
