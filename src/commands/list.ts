import { BaseCommand } from '../cli/base-command.js';
import { listFlags } from '../cli/flags.js';
import { list, type Output } from '../cli/output.js';
import { listZones } from '../operations/list-zones.js';
import { formatSize } from '../spec/index.js';

export default class List extends BaseCommand<typeof List> {
  static override summary = 'List zones';
  static override aliases = ['ls'];
  static override examples = ['tszone list', 'tszone list -q', 'tszone list --columns name,addresses'];
  static override flags = listFlags;

  async run(): Promise<Output> {
    const zones = await this.operate((host) => listZones(host));
    return list(
      zones,
      [
        { key: 'name', text: (zone) => zone.name },
        { key: 'status', text: (zone) => zone.status },
        { key: 'image', text: (zone) => zone.image },
        { key: 'mode', text: (zone) => zone.mode },
        { key: 'addresses', text: (zone) => zone.addresses.join(' ') },
        { key: 'ports', text: (zone) => zone.ports.join(' ') },
        { key: 'pid', text: (zone) => zone.pid },
        { key: 'pool', text: (zone) => zone.pool, hidden: true },
        { key: 'disk', text: (zone) => zone.disk && formatSize(zone.disk), hidden: true },
        { key: 'inodes', text: (zone) => zone.inodes, hidden: true },
      ],
      (zone) => zone.name,
    );
  }
}
