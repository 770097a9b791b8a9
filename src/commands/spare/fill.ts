import { BaseCommand } from '../../cli/base-command.js';
import { list, type Output } from '../../cli/output.js';
import { fillSpares } from '../../operations/spares.js';

export default class SpareFill extends BaseCommand<typeof SpareFill> {
  static override summary = 'Make the spares that are missing; "claim" calls it by itself';

  async run(): Promise<Output> {
    const pools = await this.operate((host, options) => fillSpares(host, options));
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
