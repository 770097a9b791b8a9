import { BaseCommand } from '../cli/base-command.js';
import { outputFlags } from '../cli/flags.js';
import { type Output, text } from '../cli/output.js';
import { version } from '../cli/version.js';

export default class Version extends BaseCommand<typeof Version> {
  static override baseFlags = outputFlags;
  static override summary = 'Print the version';

  async run(): Promise<Output> {
    return text(`${version()}\n`, { version: version(), node: process.version });
  }
}
