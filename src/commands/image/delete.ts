import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunImageDelete } from '../../operations/dry-run-change.js';
import { imageDelete } from '../../operations/image-delete.js';

export default class ImageDelete extends BaseCommand<typeof ImageDelete> {
  static override summary = 'Delete an image that no zone is made of';
  static override description = 'An image that is not there is no error: a note on stderr says so.';
  static override aliases = ['image rm'];
  static override args = { image: requiredArg("the image's name") };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const name = this.args.image;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunImageDelete(host, name))]);
    const deleted = await this.operate((host) => imageDelete(host, name));
    if (!deleted) this.note(`there is no image "${name}"`);
    return done(name, deleted ? `image "${name}" is deleted` : `image "${name}" is not there`, { name, deleted });
  }
}
