import { attachZone } from '../cli/attach-zone.js';
import { winsize } from '../cli/attached.js';
import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { exitWith, type Output } from '../cli/output.js';
import { attachZoneConsole } from '../operations/attach-console.js';

export default class Console extends BaseCommand<typeof Console> {
  static override summary = "Attach to a zone's terminal; Ctrl-] twice detaches";
  static override aliases = ['attach'];
  static override passesStatus = true;
  static override args = { zone: zoneArg };

  async run(): Promise<Output> {
    const name = this.args.zone;
    const host = await this.openHost();
    const zone = await attachZoneConsole(host, name);
    const { rows, columns } = winsize();
    if (process.stdout.isTTY === true) await zone.resize(rows, columns);
    const status = await attachZone(zone);
    if (status === undefined) this.note(`detached from zone "${name}"`);
    return exitWith(status ?? 0);
  }
}
