import { BaseCommand } from '../../cli/base-command.js';
import { listFlags, optionalArg } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listPorts } from '../../operations/port-list.js';

export default class PortList extends BaseCommand<typeof PortList> {
  static override summary = 'List published ports, of one zone or of all';
  static override aliases = ['port ls'];
  static override args = { zone: optionalArg('of this zone only') };
  static override flags = listFlags;

  async run(): Promise<Output> {
    const ports = await this.operate((host) => listPorts(host, this.args.zone));
    return list(
      ports,
      [
        { key: 'zone', text: ({ zone }) => zone },
        { key: 'port', text: ({ port }) => port },
        { key: 'protocol', text: ({ protocol }) => protocol },
        { key: 'isActive', text: ({ isActive }) => (isActive ? 'yes' : 'no') },
      ],
      ({ port }) => port,
    );
  }
}
