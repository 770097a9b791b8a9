import { BaseCommand } from '../../cli/base-command.js';
import { listFlags } from '../../cli/flags.js';
import type { Output } from '../../cli/output.js';
import { spareTable } from '../../cli/spare-table.js';
import { listSpares } from '../../operations/spares.js';

export default class SpareList extends BaseCommand<typeof SpareList> {
  static override summary = 'List of which images spares are kept, and how many are ready';
  static override aliases = ['spare ls'];
  static override flags = listFlags;

  async run(): Promise<Output> {
    return spareTable(await this.operate((host) => listSpares(host)));
  }
}
