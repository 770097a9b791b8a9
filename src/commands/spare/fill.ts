import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag } from '../../cli/flags.js';
import type { Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { spareTable } from '../../cli/spare-table.js';
import { dryRunSpareFill } from '../../operations/dry-run-spare.js';
import { fillSpares } from '../../operations/spares.js';

export default class SpareFill extends BaseCommand<typeof SpareFill> {
  static override summary = 'Make the spares that are missing; "claim" calls it by itself';
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunSpareFill(host))]);
    return spareTable(await this.operate((host, options) => fillSpares(host, options)));
  }
}
