import { BaseCommand } from '../../cli/base-command.js';
import { requiredArg } from '../../cli/flags.js';
import { type Output, text } from '../../cli/output.js';
import { formatYaml } from '../../cli/yaml.js';
import { imageInspect } from '../../operations/image-inspect.js';

export default class ImageInspect extends BaseCommand<typeof ImageInspect> {
  static override summary = 'Show everything about an image';
  static override args = { image: requiredArg("the image's name") };

  async run(): Promise<Output> {
    const image = await this.operate((host) => imageInspect(host, this.args.image));
    return text(formatYaml(image), image);
  }
}
