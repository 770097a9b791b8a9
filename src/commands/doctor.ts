import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag } from '../cli/flags.js';
import { type Output, text } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { formatReport } from '../cli/report.js';
import { zoneError } from '../errors/index.js';
import { probeHost } from '../host/index.js';
import { doctor } from '../operations/doctor.js';
import { dryRunDoctorFix } from '../operations/dry-run-host.js';
import { restoreNetworks } from '../operations/restore-networks.js';

export default class Doctor extends BaseCommand<typeof Doctor> {
  static override summary = 'Show what this host can and cannot do, and what to install or enable';
  static override description = 'Works without root, too. The exit status is 5 if zones cannot run here.';
  static override flags = {
    ...dryRunFlag,
    fix: Flags.boolean({
      description:
        'raise the limits that many zones meet (a file in /etc/sysctl.d, applied), free user ids of zones that are gone, put back rules and ports that a firewall reload took from zones that run',
    }),
  };

  async run(): Promise<Output> {
    const { root } = this.paths();
    const hasZones = existsSync(join(root, 'zones'));
    if (this.flags['dry-run'] === true) {
      if (this.flags.fix !== true) throw onlyWithFix();
      return planned([await dryRunDoctorFix(await probeHost(), {}, hasZones ? () => this.openHost() : undefined)]);
    }
    const options = { fix: this.flags.fix === true, ...(hasZones ? { restoreNetworks: () => this.restore() } : {}) };
    const report = await doctor({ facts: await probeHost(), roots: { root } }, options);
    return { ...text(formatReport(report), report), exitStatus: report.summary.fail > 0 ? 5 : 0 };
  }

  private async restore(): Promise<readonly string[]> {
    return restoreNetworks(await this.openHost());
  }
}

function onlyWithFix(): Error {
  return zoneError(
    'USAGE_BAD_ARGUMENT',
    'without --fix "doctor" changes nothing, and "--dry-run" has nothing to show',
    {
      hint: 'Run "tszone doctor --fix --dry-run", or leave --dry-run out.',
    },
  );
}
