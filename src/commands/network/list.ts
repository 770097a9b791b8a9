import { BaseCommand } from '../../cli/base-command.js';
import { listFlags } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listNetworks } from '../../operations/network-list.js';

export default class NetworkList extends BaseCommand<typeof NetworkList> {
  static override summary = 'List networks';
  static override aliases = ['network ls'];
  static override flags = listFlags;

  async run(): Promise<Output> {
    const networks = await this.operate((host) => listNetworks(host));
    return list(
      networks,
      [
        { key: 'name', text: ({ name }) => name },
        { key: 'bridge', text: ({ bridge }) => bridge },
        { key: 'range4', text: ({ range4 }) => range4 },
        { key: 'range6', text: ({ range6 }) => range6 },
        { key: 'mtu', text: ({ mtu }) => mtu },
        { key: 'zones', text: ({ zones }) => zones.join(' ') },
      ],
      ({ name }) => name,
    );
  }
}
