import { resolve } from 'node:path';
import { BaseCommand } from '../../cli/base-command.js';
import { dryRunFlag, optionalArg } from '../../cli/flags.js';
import { done, type Output } from '../../cli/output.js';
import { planned } from '../../cli/planned.js';
import { requiredSnapshot, snapshotArg } from '../../cli/snapshot-arg.js';
import { dryRunSnapshotMount } from '../../operations/dry-run-snapshot.js';
import { mountSnapshot } from '../../operations/snapshot-mount.js';

export default class SnapshotMount extends BaseCommand<typeof SnapshotMount> {
  static override summary = 'Mount the files of a snapshot on the host, read-only, and print where';
  static override description =
    'Nothing in it can be executed, is set-uid or a device; owners are those of the zone on the host. It goes with "snapshot umount", or with the snapshot.';
  static override examples = ['ls "$(tszone snapshot mount -q web@before)/etc"', 'tszone snapshot umount web@before'];
  static override args = {
    snapshot: snapshotArg,
    directory: optionalArg('where; a directory that only root can enter if not given'),
  };
  static override flags = dryRunFlag;

  async run(): Promise<Output> {
    const ref = requiredSnapshot(this.args.snapshot);
    const { directory } = this.args;
    const at = directory === undefined ? undefined : resolve(directory);
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host) => dryRunSnapshotMount(host, ref, at))]);
    const mounted = await this.operate((host, options) => mountSnapshot(host, ref, at, options));
    return done(mounted.path, mounted.path, mounted);
  }
}
