import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { requiredSnapshot, snapshotArg } from '../../cli/snapshot-arg.js';
import { dryRunSnapshotUmount } from '../../operations/dry-run-snapshot.js';
import { unmountSnapshot } from '../../operations/snapshot-mount.js';

export default class SnapshotUmount extends BaseCommand<typeof SnapshotUmount> {
  static override summary = 'Unmount the files of a snapshot';
  static override description = 'One that is not mounted is no error.';
  static override aliases = ['snapshot unmount'];
  static override args = { snapshot: snapshotArg };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const { zone, snapshot } = requiredSnapshot(this.args.snapshot);
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSnapshotUmount(host, { zone, snapshot }))]);
    const paths = await this.operate((host, options) => unmountSnapshot(host, { zone, snapshot }, options));
    const what = paths.length === 0 ? 'is not mounted' : `is no longer mounted at ${paths.join(', ')}`;
    return done(paths.join('\n'), `snapshot "${zone}@${snapshot}" ${what}`, { zone, snapshot, paths });
  }
}
