import { basename } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { optionalArg, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { zoneError } from '../../errors/index.js';
import { imageImport } from '../../operations/image-import.js';
import { formatSize } from '../../spec/index.js';

export default class ImageImport extends BaseCommand<typeof ImageImport> {
  static override summary = 'Make an image from a tar archive of a root file system';
  static override description =
    'The archive may be plain, or compressed with gzip, xz or zstd; "-" is standard input. It is unpacked by a confined process.\nWith FILE alone the image is called as the file is.';
  static override examples = [
    'tszone image import alpine alpine-minirootfs.tar.gz',
    'docker export web | tszone image import web -',
  ];
  static override args = {
    name: requiredArg("the image's name; left out, it is taken from the file's"),
    file: optionalArg('the archive, or - for standard input'),
  };
  static override flags = {
    arch: Flags.string({
      helpValue: 'ARCH',
      description: 'what its programs are for; told by the archive if not given',
    }),
    force: Flags.boolean({ char: 'f', description: 'replace an image of that name' }),
  };

  async run(): Promise<Output> {
    const { name, file } = this.source();
    const { arch } = this.flags;
    const source = file === '-' ? process.stdin : file;
    using progress = this.progress(`importing ${name}`);
    const image = await this.operate((host, options) =>
      imageImport(host, {
        ...options,
        name,
        source,
        arch,
        force: this.flags.force === true,
        progress: (update) => progress.update(update),
      }),
    );
    return done(image.name, `image "${image.name}" is imported (${formatSize(image.sizeBytes)})`, image);
  }

  private source(): { name: string; file: string } {
    const { name, file } = this.args;
    if (file !== undefined) return { name, file };
    if (name !== '-')
      return {
        name: basename(name)
          .replace(/(\.tar)?\.(tar|gz|xz|zst|tgz|txz)$/, '')
          .toLowerCase(),
        file: name,
      };
    throw zoneError('USAGE_BAD_ARGUMENT', 'an image from standard input needs a name', {
      hint: 'Write "tszone image import NAME -".',
    });
  }
}
