import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { parsePoolSize } from '../../cli/pool-size.js';
import { dryRunPoolGrow } from '../../operations/dry-run-pool.js';
import { growPool } from '../../operations/pool-grow.js';
import { formatSize } from '../../spec/index.js';

export default class PoolGrow extends BaseCommand<typeof PoolGrow> {
  static override summary = 'Enlarge a pool that is a file; its zones may run';
  static override examples = ['tszone pool grow fast --size 40G'];
  static override takesLocks = true;
  static override args = { pool: requiredArg("the pool's name") };
  static override flags = {
    ...dryRunFlag,
    size: Flags.string({ required: true, helpValue: 'SIZE', description: 'how large it is to be' }),
  };

  async run(): Promise<Output> {
    const name = this.args.pool;
    const bytes = parsePoolSize(this.flags.size) ?? 0;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunPoolGrow(host, name, bytes))]);
    const pool = await this.operate((host, options) => growPool(host, name, bytes, options));
    return done(name, `pool "${name}" has ${formatSize(pool.sizeBytes ?? bytes)}`, pool);
  }
}
