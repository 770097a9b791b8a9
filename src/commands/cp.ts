import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { parseCopy } from '../cli/zone-path.js';
import { copyIn, copyOut } from '../operations/copy-files.js';
import { dryRunCopyIn, dryRunCopyOut } from '../operations/dry-run-copy.js';

export default class Cp extends BaseCommand<typeof Cp> {
  static override summary = 'Copy files into a zone or out of it';
  static override description = 'Works on stopped zones, too. Links of the zone are never followed out of it.';
  static override examples = ['tszone cp site.conf web:/etc/nginx/', 'tszone cp web:/var/log/nginx ./logs'];
  static override args = {
    source: requiredArg('a path here, or ZONE:PATH'),
    destination: requiredArg('a path here, or ZONE:PATH'),
  };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { source, destination } = this.args;
    const { direction, ...copy } = parseCopy(source, destination);
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => (direction === 'in' ? dryRunCopyIn : dryRunCopyOut)(host, copy))]);
    await this.operate((host, options) => (direction === 'in' ? copyIn : copyOut)(host, copy, options));
    return done(destination, `copied ${source} to ${destination}`, { source, destination });
  }
}
