import { BaseCommand } from '../../cli/base-command.js';
import { done, type Output } from '../../cli/output.js';
import { requiredSnapshot, snapshotArg } from '../../cli/snapshot-arg.js';
import { unmountSnapshot } from '../../operations/snapshot-mount.js';

export default class SnapshotUmount extends BaseCommand<typeof SnapshotUmount> {
  static override summary = 'Unmount the files of a snapshot';
  static override description = 'One that is not mounted is no error.';
  static override aliases = ['snapshot unmount'];
  static override args = { snapshot: snapshotArg };

  async run(): Promise<Output> {
    const { zone, snapshot } = requiredSnapshot(this.args.snapshot);
    const paths = await this.operate((host, options) => unmountSnapshot(host, { zone, snapshot }, options));
    const what = paths.length === 0 ? 'is not mounted' : `is no longer mounted at ${paths.join(', ')}`;
    return done(paths.join('\n'), `snapshot "${zone}@${snapshot}" ${what}`, { zone, snapshot, paths });
  }
}
