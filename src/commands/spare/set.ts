import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { parseCount } from '../../cli/times.js';
import { zoneFlags, zoneInput } from '../../cli/zone-flags.js';
import { dryRunSpareSet } from '../../operations/dry-run-spare.js';
import { type SpareOptions, setSpares } from '../../operations/spares.js';

export default class SpareSet extends BaseCommand<typeof SpareSet> {
  static override summary = 'Keep so many zones of an image prepared, for "claim"';
  static override description =
    'Each is made as "create" makes one, with the flags and the command given here. --size 0 ends it.';
  static override examples = ['tszone spare set debian --size 4 --memory 256M', 'tszone spare set debian --size 0'];
  static override afterDashes = '[-- COMMAND…]';
  static override args = { image: requiredArg('the image that the spares start from') };
  static override flags = {
    size: Flags.string({ required: true, helpValue: 'N', description: 'how many are to be ready' }),
    ...zoneFlags,
    ...dryRunFlag,
  };

  async run(): Promise<Output> {
    const { image } = this.args;
    const size = parseCount(this.flags.size, '--size') ?? 0;
    const command = this.rest.length > 0 ? { command: this.rest } : {};
    const options = { ...zoneInput(this.flags, this.caller.env), ...command } as SpareOptions;
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSpareSet(host, image, { size, options }))]);
    using progress = this.progress(`preparing image ${image}`);
    const { notes, ...summary } = await this.operate((host, operation) =>
      setSpares(host, image, { size, options }, { ...operation, onProgress: (update) => progress.update(update) }),
    );
    const text =
      size === 0 ? `no spares are kept of image "${image}"` : `${summary.ready} spares of "${image}" are ready`;
    for (const note of notes) this.note(note);
    return done(image, text, summary);
  }
}
