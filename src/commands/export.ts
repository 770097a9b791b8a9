import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, requiredArg } from '../cli/flags.js';
import { done, exitWith, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { zoneError } from '../errors/index.js';
import { dryRunExport } from '../operations/dry-run-archive.js';
import { exportZone } from '../operations/export-zone.js';
import { counted } from '../spec/count.js';
import { formatSize } from '../spec/index.js';

export default class Export extends BaseCommand<typeof Export> {
  static override summary = 'Write a zone to a file, or to standard output';
  static override description =
    'One zstd tar stream: what the zone is, and its files with owners, times, ACLs, capabilities, hard links and holes.\nA running zone is not stopped: each file is as it was at some moment meanwhile. "tszone import" makes a zone of it.\nWith --snapshots all of its snapshots are there after the import, in a pool of any driver.';
  static override examples = [
    'tszone export web web.tar.zst',
    'tszone export web web.tar.zst --snapshots',
    'tszone export web - | ssh other tszone import - web',
  ];
  static override args = {
    zone: requiredArg('the zone, or ZONE@SNAPSHOT'),
    file: requiredArg('the file, or - for standard output'),
  };
  static override flags = {
    ...dryRunFlag,
    force: Flags.boolean({ char: 'f', description: 'replace a file that is there' }),
    snapshots: Flags.boolean({ description: 'take its snapshots along' }),
    level: Flags.integer({ helpValue: '1-19', description: 'how hard zstd tries; 1 if not given' }),
  };

  async run(): Promise<Output> {
    const { zone, file } = this.args;
    const { level, force, snapshots } = this.flags;
    const target = file === '-' ? 1 : file;
    const input = { zone, target, force: force === true, snapshots: snapshots === true, level };
    if (this.flags['dry-run'] === true) return planned([await this.operate((host) => dryRunExport(host, input))]);
    if (file === '-' && this.caller.stdout.isTTY) throw onTerminal(zone);
    using progress = this.progress(`exporting ${zone}`);
    const result = await this.operate((host, options) =>
      exportZone(host, {
        ...options,
        ...input,
        progress: (update) => progress.update(update),
      }),
    );
    if (result.changed > 0) this.note(`${result.changed} files shrank while they were read`);
    const along = result.snapshots === undefined ? '' : ` with ${counted(result.snapshots, 'snapshot')}`;
    const text = `zone "${zone}" is exported${along} to ${file} (${formatSize(result.sizeBytes)} of files)`;
    return file === '-' ? exitWith(0) : done(file, text, { ...result, file });
  }
}

function onTerminal(zone: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', 'an exported zone is not for a terminal', {
    hint: `Write it to a file or a pipe: tszone export ${zone} ${zone}.tar.zst`,
  });
}
