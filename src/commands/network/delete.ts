import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { askToDropReady } from '../../engine/index.js';
import { dryRunNetworkDelete } from '../../operations/dry-run-change.js';
import { deleteNetwork } from '../../operations/network-delete.js';

export default class NetworkDelete extends BaseCommand<typeof NetworkDelete> {
  static override summary = 'Delete a network that no zone uses';
  static override description = 'A network that is not there is no error: a note on stderr says so.';
  static override aliases = ['network rm'];
  static override args = { network: requiredArg("the network's name") };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const name = this.args.network;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunNetworkDelete(host, name))]);
    const { runRoot } = this.paths();
    const result = await this.operate((host) => deleteNetwork(host, name, () => askToDropReady(runRoot)));
    if (!result.deleted)
      this.note(
        `there is no network "${name}"${result.nearest === undefined ? '' : `; did you mean "${result.nearest}"?`}`,
      );
    return done(name, result.deleted ? `network "${name}" is deleted` : `network "${name}" is not there`, result);
  }
}
