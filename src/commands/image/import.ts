import { basename } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, limitFlags, limitsOf, optionalArg, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { zoneError } from '../../errors/index.js';
import { dryRunImageImport } from '../../operations/dry-run-image.js';
import { imageImport } from '../../operations/image-import.js';
import { formatSize } from '../../spec/index.js';

export default class ImageImport extends BaseCommand<typeof ImageImport> {
  static override summary = 'Make an image from an archive of a root file system, an OCI layout or a saved image';
  static override description =
    'The archive may be plain, or compressed with gzip, xz or zstd; "-" is standard input. It is unpacked by a confined process.\nAn OCI layout is a directory or an archive of one; what "docker save" writes is taken, too.\nWith FILE alone the image is called as the file is.';
  static override examples = [
    'tszone image import alpine alpine-minirootfs.tar.gz',
    'docker export web | tszone image import web -',
    'skopeo copy docker-daemon:app:1 oci:layout && tszone image import app layout',
  ];
  static override args = {
    name: requiredArg("the image's name; left out, it is taken from the file's"),
    file: optionalArg('the archive, the directory of a layout, or - for standard input'),
  };
  static override flags = {
    ...dryRunFlag,
    arch: Flags.string({
      helpValue: 'ARCH',
      description: 'what its programs are for; told by the archive if not given',
    }),
    ref: Flags.string({ helpValue: 'REF', description: 'which image of a layout or saved archive that holds several' }),
    ...limitFlags,
    force: Flags.boolean({ char: 'f', description: 'replace an image of that name' }),
  };

  async run(): Promise<Output> {
    const { name, file } = this.source();
    const { arch, ref } = this.flags;
    const limits = limitsOf(this.flags);
    const source = file === '-' ? process.stdin : file;
    const input = { name, source, ...limits, arch, ref, force: this.flags.force === true };
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host, options) => dryRunImageImport(host, { ...options, ...input }))]);
    using progress = this.progress(`importing ${name}`);
    const image = await this.operate((host, options) =>
      imageImport(host, {
        ...options,
        ...input,
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
