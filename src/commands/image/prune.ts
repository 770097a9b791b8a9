import { BaseCommand } from '../../cli/base-command.js';
import { counted } from '../../cli/count.js';
import { done, type Output } from '../../cli/output.js';
import { imagePrune } from '../../operations/image-delete.js';

export default class ImagePrune extends BaseCommand<typeof ImagePrune> {
  static override summary = 'Remove layers that nothing is made of, and what interrupted pulls have left';

  async run(): Promise<Output> {
    const pruned = await this.operate((host) => imagePrune(host));
    return done(pruned.layers.join('\n'), `removed ${counted(pruned.layers.length, 'layer')}`, pruned);
  }
}
