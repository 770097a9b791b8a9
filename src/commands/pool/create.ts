import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { parsePoolSize } from '../../cli/pool-size.js';
import { dryRunPoolCreate } from '../../operations/dry-run-pool.js';
import { createPool } from '../../operations/pool-create.js';
import { driverNames } from '../../spec/index.js';

export default class PoolCreate extends BaseCommand<typeof PoolCreate> {
  static override summary = 'Make a pool: a place for what zones write, with bounds that hold';
  static override description =
    'Zones are put there with --pool NAME. overlay: a directory · btrfs: a directory on btrfs, or with --size a file that holds one · loop: a file for each zone.';
  static override examples = [
    'tszone pool create bounded --driver loop',
    'tszone pool create fast --driver btrfs --size 20G',
    'tszone pool create big --driver overlay --path /srv/zones',
  ];
  static override takesLocks = true;
  static override args = { pool: requiredArg("the pool's name") };
  static override flags = {
    ...dryRunFlag,
    driver: Flags.option({ options: driverNames, required: true })({
      helpValue: 'overlay|btrfs|loop',
      description: 'how it keeps what zones write',
    }),
    path: Flags.string({ helpValue: 'DIR', description: 'where it lies; below the persistent data if not given' }),
    size: Flags.string({ helpValue: 'SIZE', description: 'btrfs: a file of that size holds it' }),
  };

  async run(): Promise<Output> {
    const name = this.args.pool;
    const { driver, path, size } = this.flags;
    const wish = { name, driver, path, sizeBytes: parsePoolSize(size) };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunPoolCreate(host, wish))]);
    const pool = await this.operate((host, options) => createPool(host, wish, options));
    return done(name, `pool "${name}" is made: ${pool.driver} at ${pool.path}`, pool);
  }
}
