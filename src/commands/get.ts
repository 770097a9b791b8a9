import { BaseCommand } from '../cli/base-command.js';
import { optionalArg, zoneArg } from '../cli/flags.js';
import { type Output, text } from '../cli/output.js';
import { formatYaml } from '../cli/yaml.js';
import { getZone } from '../operations/set-zone.js';

export default class Get extends BaseCommand<typeof Get> {
  static override summary = "Show a zone's settings, or one of them";
  static override examples = ['tszone get web', 'tszone get web memory'];
  static override args = { zone: zoneArg, setting: optionalArg('one setting only') };

  async run(): Promise<Output> {
    const { zone, setting } = this.args;
    const value = await this.operate((host) => getZone(host, zone, setting));
    if (typeof value === 'object' && value !== null) return text(formatYaml(value), value);
    return text(
      value === undefined ? '' : `${String(value)}\n`,
      setting === undefined ? undefined : { [setting]: value ?? null },
    );
  }
}
