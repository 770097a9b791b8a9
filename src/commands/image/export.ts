import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, exitWith, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { dryRunImageExport } from '../../operations/dry-run-image.js';
import { imageExport } from '../../operations/image-export.js';

export default class ImageExport extends BaseCommand<typeof ImageExport> {
  static override summary = 'Write an image as an OCI layout, for other engines';
  static override description =
    'A directory, or an archive if DESTINATION ends in .tar; "-" is an archive on standard output. Layers are the very archives that they\nwere unpacked from, where these can be made again.';
  static override examples = [
    'tszone image export debian debian-oci && skopeo copy oci:debian-oci:latest containers-storage:debian',
    'tszone image export web:v1 - | ssh other tszone image import web:v1 -',
  ];
  static override args = {
    image: requiredArg("the image's name"),
    destination: requiredArg('a directory or an archive that is not there yet, or -'),
  };
  static override flags = {
    ...dryRunFlag,
    format: Flags.option({ options: ['dir', 'tar'] as const })({
      helpValue: 'dir|tar',
      description: 'what DESTINATION becomes, whatever it is called',
    }),
    compression: Flags.option({ options: ['gzip', 'zstd', 'none'] as const })({
      helpValue: 'gzip|zstd|none',
      description: 'of the layers; gzip if not given',
    }),
    ref: Flags.string({ helpValue: 'REF', description: "its name in the layout; the image's tag if not given" }),
  };

  async run(): Promise<Output> {
    const { image: name, destination } = this.args;
    const { format, compression, ref } = this.flags;
    const isStream = destination === '-';
    const input = {
      destination: isStream ? process.stdout : destination,
      format: isStream ? ('tar' as const) : format,
      compression,
      ref,
    };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunImageExport(host, name, input))]);
    using progress = this.progress(`exporting ${name}`);
    const image = await this.operate((host, options) =>
      imageExport(host, name, {
        ...options,
        ...input,
        progress: (update) => progress.update(update),
      }),
    );
    if (isStream) return exitWith(0);
    return done(image.name, `image "${image.name}" is written to "${destination}"`, { ...image, destination });
  }
}
