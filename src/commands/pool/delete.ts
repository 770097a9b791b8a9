import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunPoolDelete } from '../../operations/dry-run-pool.js';
import { deletePool } from '../../operations/pool-delete.js';

export default class PoolDelete extends BaseCommand<typeof PoolDelete> {
  static override summary = 'Delete a pool that nothing is in';
  static override description = 'A pool that is not there is no error: a note on stderr says so.';
  static override aliases = ['pool rm'];
  static override takesLocks = true;
  static override args = { pool: requiredArg("the pool's name") };
  static override flags = {
    ...dryRunFlag,
    force: Flags.boolean({ char: 'f', description: 'also one whose disk is not there any more' }),
  };

  async run(): Promise<Output> {
    const name = this.args.pool;
    const { force } = this.flags;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunPoolDelete(host, name))]);
    const result = await this.operate((host, options) => deletePool(host, name, { ...options, force }));
    if (!result.deleted)
      this.note(
        `there is no pool "${name}"${result.nearest === undefined ? '' : `; did you mean "${result.nearest}"?`}`,
      );
    return done(name, result.deleted ? `pool "${name}" is deleted` : `pool "${name}" is not there`, result);
  }
}
