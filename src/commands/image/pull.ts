import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, limitFlags, limitsOf, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunImagePull } from '../../operations/dry-run-image.js';
import { imagePull } from '../../operations/image-pull.js';
import { formatSize } from '../../spec/index.js';

export default class ImagePull extends BaseCommand<typeof ImagePull> {
  static override summary = 'Get an image from a registry';
  static override description =
    'The registry has to be named: there is none that is asked by default. Layers that are here are not fetched again, and one that was\ninterrupted is taken up where it broke. Logins are those of docker, podman and skopeo; mirrors are listed in registries.json.';
  static override examples = [
    'tszone image pull docker.io/alpine:3.20',
    'tszone image pull localhost:5000/team/app@sha256:…',
    'tszone run docker.io/nginx',
  ];
  static override args = { image: requiredArg('HOST[:PORT]/PATH[:TAG], or with @sha256:… instead of the tag') };
  static override flags = {
    ...dryRunFlag,
    arch: Flags.string({
      helpValue: 'ARCH',
      description: "architecture, such as arm64 or i386; this machine's if not given",
    }),
    insecure: Flags.boolean({
      description:
        'without encryption, or with a certificate that nobody vouches for (of this machine the former always may be)',
    }),
    ...limitFlags,
  };

  async run(): Promise<Output> {
    const { arch, insecure } = this.flags;
    const limits = limitsOf(this.flags);
    const input = { ...limits, arch, insecure: insecure === true };
    if (this.flags['dry-run'] === true) {
      return planned([
        await this.operate((host, options) => dryRunImagePull(host, this.args.image, { ...options, ...input })),
      ]);
    }
    using progress = this.progress(`pulling ${this.args.image}`);
    const image = await this.operate((host, options) =>
      imagePull(host, this.args.image, {
        ...options,
        ...input,
        progress: (update) => progress.update(update),
      }),
    );
    return done(image.name, `image "${image.name}" is here (${formatSize(image.sizeBytes)})`, image);
  }
}
