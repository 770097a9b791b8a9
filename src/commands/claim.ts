import { attachExec } from '../cli/attach-exec.js';
import { wantsTty } from '../cli/attached.js';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredArg, terminalFlags } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { ZoneError } from '../errors/index.js';
import { dryRunClaim } from '../operations/dry-run-spare.js';
import { execInZone } from '../operations/exec-in-zone.js';
import { claimSpare, fillSpares } from '../operations/spares.js';

export default class Claim extends BaseCommand<typeof Claim> {
  static override summary = 'Take a spare zone: it runs at once';
  static override description =
    'Prints its name. With COMMAND, that is run in it, as exec does. If no spare is left, a zone is made as the spares are.';
  static override examples = ['zone=$(tszone claim -q debian)', 'tszone claim debian -- cat /etc/os-release'];
  static override passThrough = '[--] [COMMAND…]';
  static override passesStatus = true;
  static override args = { image: requiredArg('the image whose spares are kept') };
  static override flags = { ...terminalFlags, ...dryRunFlag };

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunClaim(host, this.args.image))]);
    const claimed = await this.operate((host, options) => claimSpare(host, this.args.image, options));
    for (const note of claimed.notes) this.note(note);
    if (!claimed.wasSpare) this.note(`no spare was left; zone "${claimed.name}" was made for you`);
    try {
      return this.rest.length === 0 ? this.name(claimed) : await this.exec(claimed.name);
    } finally {
      // A spare that is let go fills its pool itself.
      if (!claimed.wasSpare) await this.fill();
    }
  }

  /** Whoever has claimed a zone has it, whatever becomes of the next ones. */
  private async fill(): Promise<void> {
    try {
      await this.operate((host, options) => fillSpares(host, options));
    } catch (error) {
      if (!(error instanceof ZoneError)) throw error;
      this.note(`the spares could not be filled up: ${error.message}`);
    }
  }

  private name(claimed: { readonly name: string }): Output {
    return done(claimed.name, claimed.name, claimed);
  }

  private async exec(zone: string): Promise<Output> {
    const { flags } = this;
    const host = await this.openHost();
    const ended = await attachExec({ tty: wantsTty(flags), interactive: flags.interactive === true }, (io) =>
      execInZone(host, zone, this.rest, io),
    );
    return this.endedAs(ended);
  }
}
