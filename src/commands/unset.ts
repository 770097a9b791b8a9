import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredRestArg, zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunSet } from '../operations/dry-run-change.js';
import { unsetOf, unsetZone } from '../operations/set-zone.js';

export default class Unset extends BaseCommand<typeof Unset> {
  static override summary = 'Put settings of a zone back to their defaults';
  static override examples = ['tszone unset web memory protect'];
  static override args = { zone: zoneArg, setting: requiredRestArg('names of settings, as "tszone get" shows them') };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { zone, setting } = this.args;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSet(host, zone, unsetOf(setting)))]);
    const result = await this.operate((host, options) => unsetZone(host, zone, setting, options));
    if (result.needsRestart.length > 0)
      this.note(`${result.needsRestart.join(', ')} will hold after "tszone restart ${zone}"`);
    for (const note of result.notes) this.note(note);
    return done(zone, `zone "${zone}" is changed`, result);
  }
}
