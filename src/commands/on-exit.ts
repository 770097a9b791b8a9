import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { handleZoneExit } from '../operations/handle-exit.js';

export default class OnExit extends BaseCommand<typeof OnExit> {
  static override summary = "Decide what happens after a zone's end; its monitor calls this";
  static override hidden = true;
  static override args = { zone: zoneArg };

  async run(): Promise<Output> {
    const name = this.args.zone;
    const decision = await this.operate((host) => handleZoneExit(host, name));
    return done(name, `zone "${name}": ${decision}`, { name, decision });
  }
}
