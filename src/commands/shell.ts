import * as Flags from '@oclif/core/flags';
import { attachExec } from '../cli/attach-exec.js';
import { wantsTty } from '../cli/attached.js';
import { BaseCommand } from '../cli/base-command.js';
import { terminalFlags, zoneArg } from '../cli/flags.js';
import { parseTimeout } from '../cli/interrupts.js';
import type { Output } from '../cli/output.js';
import { execInZone, loginShell } from '../operations/exec-in-zone.js';

export default class Shell extends BaseCommand<typeof Shell> {
  static override summary = 'Open a login shell in a running zone';
  static override aliases = ['enter'];
  static override examples = ['tszone shell web', 'tszone shell -u www-data web'];
  static override passThrough = '[--] [ARGUMENTS…]';
  static override passesStatus = true;
  static override args = { zone: zoneArg };
  static override flags = {
    ...terminalFlags,
    user: Flags.string({ char: 'u', helpValue: 'USER', description: 'NAME or UID of the zone; root if not given' }),
  };

  async run(): Promise<Output> {
    const { flags } = this;
    const timeoutMs = parseTimeout(flags.timeout);
    const host = await this.openHost();
    const ended = await attachExec({ tty: wantsTty(flags), interactive: flags.interactive === true }, (io) =>
      execInZone(host, this.args.zone, [...loginShell, ...this.rest], { ...io, user: flags.user ?? '0', timeoutMs }),
    );
    return this.endedAs(ended);
  }
}
