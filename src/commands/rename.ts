import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredArg, zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunRename } from '../operations/dry-run-change.js';
import { renameZone } from '../operations/rename-zone.js';

export default class Rename extends BaseCommand<typeof Rename> {
  static override summary = 'Give a stopped zone another name';
  static override args = { zone: zoneArg, to: requiredArg('the new name') };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { zone, to } = this.args;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunRename(host, zone, to))]);
    await this.operate((host, options) => renameZone(host, zone, to, options));
    return done(to, `zone "${zone}" is called "${to}" now`, { from: zone, to });
  }
}
