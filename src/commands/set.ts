import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { changeFlags, zoneInput } from '../cli/zone-flags.js';
import { zoneError } from '../errors/index.js';
import { dryRunSet } from '../operations/dry-run-change.js';
import { changeOf, setZone } from '../operations/set-zone.js';
import type { ZoneChange } from '../spec/index.js';

export default class SetSettings extends BaseCommand<typeof SetSettings> {
  static override summary = 'Change settings of a zone: limits and devices act at once, and all is saved';
  static override aliases = ['update'];
  static override examples = ['tszone set web --memory 256M --cpus 2', 'tszone set web --next-boot --hostname www'];
  static override afterDashes = '[-- COMMAND…]';
  static override args = { zone: zoneArg };
  static override flags = {
    ...dryRunFlag,
    live: Flags.boolean({ exclusive: ['next-boot'], description: 'only now, not saved' }),
    'next-boot': Flags.boolean({ description: 'only saved: from the next start on' }),
    'restart-now': Flags.boolean({ description: 'restart the zone if something asks for it' }),
    ...changeFlags,
  };

  async run(): Promise<Output> {
    const name = this.args.zone;
    const command = this.rest.length > 0 ? { command: this.rest } : {};
    const change = { ...zoneInput(this.flags, this.caller.env), ...command } as ZoneChange;
    if (Object.keys(change).length === 0) {
      throw zoneError('USAGE_BAD_ARGUMENT', 'nothing to change', {
        hint: `Name a setting, such as "tszone set ${name} --memory 256M".`,
      });
    }
    const scope = this.flags.live === true ? 'live' : this.flags['next-boot'] === true ? 'saved' : 'both';
    const restart = this.flags['restart-now'] === true;
    if (this.flags['dry-run'] === true) {
      return planned([await this.operate((host) => dryRunSet(host, name, changeOf(change), { scope, restart }))]);
    }
    const result = await this.operate((host, options) => setZone(host, name, change, { ...options, scope, restart }));
    if (result.needsRestart.length > 0) {
      this.note(`${result.needsRestart.join(', ')} will hold after "tszone restart ${name}"`);
    }
    for (const note of result.notes) this.note(note);
    return done(name, `zone "${name}" is changed`, result);
  }
}
