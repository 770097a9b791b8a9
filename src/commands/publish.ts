import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../cli/flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { dryRunPublish } from '../operations/dry-run-archive.js';
import { publishZone } from '../operations/publish-zone.js';
import { formatSize } from '../spec/index.js';

export default class Publish extends BaseCommand<typeof Publish> {
  static override summary = 'Make an image of a zone';
  static override aliases = ['commit'];
  static override description =
    "What the zone has written becomes a layer above those of its image; of a zone with snapshots, and of a snapshot, all becomes one layer of its own. Its command, environment, user and directory become the image's.\nmachine-id and ssh host keys are left out. A running zone is not stopped: each file is as it was at some moment meanwhile.";
  static override examples = [
    'tszone publish web shop:1.2 --description "with the shop"',
    'tszone create two --image shop:1.2',
  ];
  static override args = {
    zone: requiredArg('the zone, or ZONE@SNAPSHOT'),
    image: requiredArg('NAME or NAME:TAG of the image'),
  };
  static override flags = {
    ...dryRunFlag,
    description: Flags.string({ helpValue: 'TEXT', description: 'a text for people' }),
    force: Flags.boolean({ char: 'f', description: 'replace an image of that name' }),
  };

  async run(): Promise<Output> {
    const { zone, image } = this.args;
    const { description, force } = this.flags;
    const input = { zone, image, description, force: force === true };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunPublish(host, input))]);
    using progress = this.progress(`publishing ${zone}`);
    const made = await this.operate((host, options) =>
      publishZone(host, {
        ...options,
        ...input,
        progress: (update) => progress.update(update),
      }),
    );
    const isOnTop = made.layers.length > 1 || made.kind === 'sparse';
    return done(
      made.name,
      `image "${made.name}" is made of zone "${zone}" (${formatSize(made.sizeBytes)}${isOnTop ? ' on top' : ', in one layer'})`,
      made,
    );
  }
}
