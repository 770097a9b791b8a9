import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunImagePrune } from '../../operations/dry-run-image.js';
import { imagePrune } from '../../operations/image-delete.js';
import { counted } from '../../spec/count.js';

export default class ImagePrune extends BaseCommand<typeof ImagePrune> {
  static override summary = 'Remove layers that nothing is made of, and what interrupted pulls have left';
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunImagePrune(host))]);
    const pruned = await this.operate((host) => imagePrune(host));
    return done(pruned.layers.join('\n'), `removed ${counted(pruned.layers.length, 'layer')}`, pruned);
  }
}
