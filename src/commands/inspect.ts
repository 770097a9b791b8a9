import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { type Output, text } from '../cli/output.js';
import { formatYaml } from '../cli/yaml.js';
import { inspectZone } from '../operations/inspect-zone.js';

export default class Inspect extends BaseCommand<typeof Inspect> {
  static override summary = 'Show everything about a zone';
  static override args = { zone: zoneArg };

  async run(): Promise<Output> {
    const details = await this.operate((host) => inspectZone(host, this.args.zone));
    return text(formatYaml(details), details);
  }
}
