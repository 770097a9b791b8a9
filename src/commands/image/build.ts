import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { imageBuild } from '../../operations/image-build.js';
import { formatSize } from '../../spec/index.js';

export default class ImageBuild extends BaseCommand<typeof ImageBuild> {
  static override summary = 'Build an image from a shipped template';
  static override description = 'Zones keep what they were made of: building anew changes none.';
  static override examples = ['tszone image build busybox', 'tszone image build debian --suite bookworm --arch i386'];
  static override args = { image: requiredArg("the template's name, such as sparse, busybox or debian") };
  static override flags = {
    suite: Flags.string({ helpValue: 'SUITE', description: "release; the template's own if not given" }),
    arch: Flags.string({
      helpValue: 'ARCH',
      description: "Debian's name of the architecture, such as i386; the host's own if not given",
    }),
    'no-updates': Flags.boolean({
      description: 'debian: from the suite alone, without its updates and security fixes',
      default: false,
    }),
  };

  async run(): Promise<Output> {
    const { suite, arch } = this.flags;
    const updates = !this.flags['no-updates'];
    using progress = this.progress(`building ${this.args.image}`);
    const image = await this.operate((host, options) =>
      imageBuild(host, this.args.image, {
        ...options,
        suite,
        arch,
        updates,
        progress: (update) => progress.update(update),
      }),
    );
    return done(image.name, `image "${image.name}" is built (${formatSize(image.sizeBytes)})`, image);
  }
}
