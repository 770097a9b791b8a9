import { BaseCommand } from '../../cli/base-command.js';
import { listFlags, restArg } from '../../cli/flags.js';
import { list, type Output } from '../../cli/output.js';
import { imageVerify } from '../../operations/image-verify.js';

export default class ImageVerify extends BaseCommand<typeof ImageVerify> {
  static override summary = 'Check that the files of images are those that were unpacked';
  static override description =
    'The archive of each layer is made again and hashed. "unknown" is a layer whose archive cannot be made again: one of an older tszone,\nor one from which something was left out.';
  static override args = { images: restArg('names of images; none: all') };
  static override flags = listFlags;

  async run(): Promise<Output> {
    using progress = this.progress('verifying');
    const images = (this.args.images ?? []) as unknown as string[];
    const layers = await this.operate((host, options) =>
      imageVerify(host, images, { ...options, progress: (update) => progress.update(update) }),
    );
    return list(
      layers,
      [
        { key: 'layer', text: ({ layer }) => layer.slice(0, 19) },
        { key: 'verdict', text: ({ verdict }) => verdict },
        { key: 'images', text: (one) => one.images.join(' ') },
      ],
      ({ layer }) => layer,
    );
  }
}
