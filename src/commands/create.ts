import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { defaultPull } from '../cli/caller.js';
import { dryRunFlag, pullFlag, requiredArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { zoneFlags, zoneInput } from '../cli/zone-flags.js';
import { createZone } from '../operations/create-zone.js';
import { dryRunCreate } from '../operations/dry-run.js';
import { modeWarnings, type ZoneOptions } from '../spec/index.js';

export default class Create extends BaseCommand<typeof Create> {
  static override summary = 'Make a zone from an image';
  static override description =
    'The zone is on disk then; "tszone start" starts it. What follows -- is the command that it runs.';
  static override examples = [
    'tszone create web --image debian --memory 128M --cpus 0.5 --pids 64',
    'tszone create job --image busybox --net none -- sh -c "echo hello"',
  ];
  static override afterDashes = '[-- COMMAND…]';
  static override takesLocks = true;
  static override args = { name: requiredArg("the zone's name") };
  static override flags = {
    image: Flags.string({ required: true, helpValue: 'IMAGE', description: 'the image that the zone starts from' }),
    ...dryRunFlag,
    ...pullFlag,
    ...zoneFlags,
  };

  async run(): Promise<Output> {
    const { name } = this.args;
    const { image, pull } = this.flags;
    const command = this.rest.length > 0 ? { command: this.rest } : {};
    const input = { ...zoneInput(this.flags, this.caller.env), ...command, name, image } as ZoneOptions;
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunCreate(host, input))]);
    using progress = this.progress(`preparing image ${image}`);
    const { spec } = await this.operate((host, options) =>
      createZone(host, input, {
        ...options,
        pull: pull ?? defaultPull(this.caller),
        onProgress: (update) => progress.update(update),
      }),
    );
    for (const warning of modeWarnings(spec)) this.note(warning);
    return done(name, `zone "${name}" is made; "tszone start ${name}" starts it`, { name, spec });
  }
}
