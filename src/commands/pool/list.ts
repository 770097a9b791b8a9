import { BaseCommand } from '../../cli/base-command.js';
import { listFlags } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { listPools } from '../../operations/pool-list.js';
import { formatSize } from '../../spec/index.js';

export default class PoolList extends BaseCommand<typeof PoolList> {
  static override summary = 'List pools';
  static override aliases = ['pool ls'];
  static override flags = listFlags;

  async run(): Promise<Output> {
    const pools = await this.operate((host) => listPools(host));
    const size = (bytes: number | undefined) => (bytes === undefined ? '' : formatSize(bytes));
    return list(
      pools,
      [
        { key: 'name', text: ({ name }) => name },
        { key: 'driver', text: ({ driver }) => driver },
        { key: 'size', text: ({ sizeBytes }) => size(sizeBytes) },
        { key: 'free', text: ({ freeBytes }) => size(freeBytes) },
        { key: 'zones', text: ({ zones }) => zones.length },
        { key: 'path', text: ({ path, problem }) => (problem === undefined ? path : `${path} (${problem})`) },
      ],
      ({ name }) => name,
    );
  }
}
