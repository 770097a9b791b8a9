import { BaseCommand } from '../../cli/base-command.js';
import { listFlags } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listSpares } from '../../operations/spares.js';

export default class SpareList extends BaseCommand<typeof SpareList> {
  static override summary = 'List of which images spares are kept, and how many are ready';
  static override aliases = ['spare ls'];
  static override flags = listFlags;

  async run(): Promise<Output> {
    const pools = await this.operate((host) => listSpares(host));
    return list(
      pools,
      [
        { key: 'image', text: ({ image }) => image },
        { key: 'size', text: ({ size }) => size },
        { key: 'ready', text: ({ ready }) => ready },
      ],
      ({ image }) => image,
    );
  }
}
