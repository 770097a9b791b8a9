import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, zonesArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunPrepare } from '../operations/dry-run.js';
import { prepareZone } from '../operations/start-zone.js';

export default class Prepare extends BaseCommand<typeof Prepare> {
  static override summary = 'Do all of a start but the first exec, so that "start" takes a millisecond';
  static override description =
    'The zone then holds its processes, mounts, groups and addresses, and waits. "stop" takes it apart again.';
  static override aliases = ['ready'];
  static override examples = ['tszone prepare web && tszone start web'];
  static override args = { zone: zonesArg };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) {
      return planned(
        await this.operate((host) => Promise.all(this.args.zone.map((name) => dryRunPrepare(host, name)))),
      );
    }
    return this.operate((host, options) =>
      this.forEach(this.args.zone, async (name) => {
        const prepared = await prepareZone(host, name, options);
        for (const note of prepared.notes) this.note(note);
        return done(name, `zone "${name}" is prepared; "tszone start ${name}" lets it go`, prepared);
      }),
    );
  }
}
