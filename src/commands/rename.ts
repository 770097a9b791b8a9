import { BaseCommand } from '../cli/base-command.js';
import { requiredArg, zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { renameZone } from '../operations/rename-zone.js';

export default class Rename extends BaseCommand<typeof Rename> {
  static override summary = 'Give a stopped zone another name';
  static override args = { zone: zoneArg, to: requiredArg('the new name') };

  async run(): Promise<Output> {
    const { zone, to } = this.args;
    await this.operate((host, options) => renameZone(host, zone, to, options));
    return done(to, `zone "${zone}" is called "${to}" now`, { from: zone, to });
  }
}
