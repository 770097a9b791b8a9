import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunImageBuild } from '../../operations/dry-run-image.js';
import { imageBuild } from '../../operations/image-build.js';
import { formatSize } from '../../spec/index.js';

export default class ImageBuild extends BaseCommand<typeof ImageBuild> {
  static override summary = 'Build an image from a template';
  static override description =
    'Zones keep what they were made of: building anew changes none. Steps of a layered template that were done before are taken from the cache.';
  static override examples = [
    'tszone image build busybox',
    'tszone image build debian --suite bookworm --arch i386',
    'tszone image build ./my-template',
    'tszone image build alpine --from alpine-minirootfs.tar.gz',
  ];
  static override args = {
    image: requiredArg("a shipped template's name, or the path of a folder with a template.json"),
  };
  static override flags = {
    ...dryRunFlag,
    suite: Flags.string({ helpValue: 'SUITE', description: "release; the template's own if not given" }),
    arch: Flags.string({
      helpValue: 'ARCH',
      description: "Debian's name of the architecture, such as i386; the host's own if not given",
    }),
    from: Flags.string({
      helpValue: 'FILE|URL',
      description: 'archive templates: where the archive is',
    }),
    digest: Flags.string({
      helpValue: 'sha256:…',
      description: 'archive templates: of the archive; needed with a URL',
    }),
    'no-cache': Flags.boolean({
      description: 'layered templates: do every step again',
      default: false,
    }),
    'no-updates': Flags.boolean({
      description: 'debian: from the suite alone, without its updates and security fixes',
      default: false,
    }),
  };

  async run(): Promise<Output> {
    const { suite, arch, from, digest } = this.flags;
    const updates = !this.flags['no-updates'];
    const input = { suite, arch, updates, noCache: this.flags['no-cache'], from, digest };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunImageBuild(host, this.args.image, input))]);
    using progress = this.progress(`building ${this.args.image}`);
    const image = await this.operate((host, options) =>
      imageBuild(host, this.args.image, {
        ...options,
        ...input,
        progress: (update) => progress.update(update),
      }),
    );
    return done(image.name, `image "${image.name}" is built (${formatSize(image.sizeBytes)})`, image);
  }
}
