import { BaseCommand } from '../../cli/base-command.js';
import type { Output } from '../../cli/output.js';
import { spareTable } from '../../cli/spare-table.js';
import { fillSpares } from '../../operations/spares.js';

export default class SpareFill extends BaseCommand<typeof SpareFill> {
  static override summary = 'Make the spares that are missing; "claim" calls it by itself';

  async run(): Promise<Output> {
    return spareTable(await this.operate((host, options) => fillSpares(host, options)));
  }
}
