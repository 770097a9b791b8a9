import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { type Output, text } from '../cli/output.js';
import { formatReport } from '../cli/report.js';
import { probeHost } from '../host/index.js';
import { doctor } from '../operations/doctor.js';

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = 'Show what this host can and cannot do, and what to install or enable';
  static override description = 'Works without root, too. The exit status is 5 if zones cannot run here.';
  static override flags = {
    fix: Flags.boolean({
      description:
        'raise the limits that many zones meet (a file in /etc/sysctl.d, applied), free user ids of zones that are gone',
    }),
  };

  async run(): Promise<Output> {
    const { root } = this.paths();
    const report = await doctor({ facts: await probeHost(), roots: { root } }, { fix: this.flags.fix === true });
    return { ...text(formatReport(report), report), exitStatus: report.summary.fail > 0 ? 5 : 0 };
  }
}
