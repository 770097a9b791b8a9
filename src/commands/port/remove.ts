import { BaseCommand } from '../../cli/base-command.js';
import { requiredRestArg, zoneArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { removePorts } from '../../operations/port-remove.js';

export default class PortRemove extends BaseCommand<typeof PortRemove> {
  static override summary = 'Publish ports of a zone no longer';
  static override aliases = ['port rm'];
  static override examples = ['tszone port remove web 8080'];
  static override args = {
    zone: zoneArg,
    port: requiredRestArg('as it was published, or its host side: 8080, 127.0.0.1:8080, 53/udp'),
  };

  async run(): Promise<Output> {
    const { zone, port } = this.args;
    const result = await this.operate((host, options) => removePorts(host, zone, port, options));
    return done(zone, `zone "${zone}" publishes ${result.ports.join(', ') || 'no ports'}`, result);
  }
}
