import { BaseCommand } from '../../cli/base-command.js';
import { requiredArg } from '../../cli/flags.js';
import { type Output, text } from '../../cli/output.js';
import { formatYaml } from '../../cli/yaml.js';
import { inspectPool } from '../../operations/pool-list.js';

export default class PoolInspect extends BaseCommand<typeof PoolInspect> {
  static override summary = 'Show a pool, what it can do, and which zones are in it';
  static override args = { pool: requiredArg("the pool's name") };

  async run(): Promise<Output> {
    const pool = await this.operate((host) => inspectPool(host, this.args.pool));
    return text(formatYaml(pool), pool);
  }
}
