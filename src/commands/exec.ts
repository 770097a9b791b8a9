import * as Flags from '@oclif/core/flags';
import { attachExec } from '../cli/attach-exec.js';
import { wantsTty } from '../cli/attached.js';
import { BaseCommand } from '../cli/base-command.js';
import { listFlag, terminalFlags, zoneArg } from '../cli/flags.js';
import { parseTimeout } from '../cli/interrupts.js';
import type { Output } from '../cli/output.js';
import { pairs } from '../cli/zone-flags.js';
import { zoneError } from '../errors/index.js';
import { execInZone } from '../operations/exec-in-zone.js';

export default class Exec extends BaseCommand<typeof Exec> {
  static override summary = 'Run a command in a running zone';
  static override description =
    "The exit status is the command's own (128+n for signal n); 125: tszone failed, 126: cannot be executed, 127: not found.";
  static override examples = ['tszone exec web -- cat /etc/os-release', 'tszone exec -u www-data -e LANG=C web id'];
  static override passThrough = '[--] COMMAND…';
  static override passesStatus = true;
  static override args = { zone: zoneArg };
  static override flags = {
    ...terminalFlags,
    env: listFlag('environment variable NAME=VALUE', { char: 'e', helpValue: 'NAME=VALUE' }),
    user: Flags.string({ char: 'u', helpValue: 'USER', description: 'NAME, UID, NAME:GROUP or UID:GID of the zone' }),
    workdir: Flags.string({ char: 'w', helpValue: 'DIR', description: 'directory in which it starts' }),
  };

  async run(): Promise<Output> {
    const { flags, rest } = this;
    if (rest.length === 0) {
      throw zoneError('USAGE_BAD_ARGUMENT', '"exec" needs COMMAND', {
        hint: `Write "tszone exec ${this.args.zone} -- sh", or use "tszone shell".`,
      });
    }
    const timeoutMs = parseTimeout(flags.timeout);
    const host = await this.openHost();
    const ended = await attachExec({ tty: wantsTty(flags), interactive: flags.interactive === true }, (io) =>
      execInZone(host, this.args.zone, rest, {
        ...io,
        env: pairs(flags.env ?? [], 'env', this.caller.env),
        user: flags.user,
        cwd: flags.workdir,
        timeoutMs,
      }),
    );
    return this.endedAs(ended);
  }
}
