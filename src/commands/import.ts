import { BaseCommand } from '../cli/base-command.js';
import { dryRunFlag, optionalArg, requiredArg } from '../cli/flags.js';
import { importFlags, importRemarks, trustOf } from '../cli/import-flags.js';
import { done, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import { zoneError } from '../errors/index.js';
import { dryRunImport } from '../operations/dry-run-import.js';
import { importZone } from '../operations/import-zone.js';
import { counted } from '../spec/count.js';
import { formatSize } from '../spec/index.js';

export default class Import extends BaseCommand<typeof Import> {
  static override summary = 'Make a zone from a file that export has written';
  static override description =
    'The zone gets a host name, machine-id, MAC and IP addresses and, where it had some, ssh host keys of its own.\nWhat the file asks for that could harm this host (privileges, mounts, devices, low ports) is refused by name, unless --trust or --restrict is given.\nWith --dry-run only the head of the file is read; of a pipe no more is taken.';
  static override examples = ['tszone import web.tar.zst', 'ssh other tszone export web - | tszone import - web2'];
  static override takesLocks = true;
  static override args = {
    file: requiredArg('the file, or - for standard input'),
    name: optionalArg('the name of the zone; the one that it had if not given'),
  };
  static override flags = { ...dryRunFlag, ...importFlags };

  async run(): Promise<Output> {
    const { file, name } = this.args;
    const { pool } = this.flags;
    const from = {
      source: file === '-' ? 0 : file,
      name,
      pool,
      keepIdentity: this.flags['keep-identity'] === true,
      trust: trustOf(this.flags),
    };
    if (file === '-' && this.caller.stdin.isTTY) throw fromTerminal();
    if (this.flags['dry-run'] === true)
      return planned([await this.operate((host, options) => dryRunImport(host, { ...options, ...from }))]);
    using progress = this.progress(`importing ${name ?? file}`);
    const result = await this.operate((host, options) =>
      importZone(host, {
        ...options,
        ...from,
        progress: (update) => progress.update(update),
      }),
    );
    for (const remark of importRemarks(result)) this.note(remark);
    const along = result.snapshots === 0 ? '' : ` with ${counted(result.snapshots, 'snapshot')}`;
    const text = `zone "${result.name}" is imported${along} (${formatSize(result.sizeBytes)}); "tszone start ${result.name}" starts it`;
    return done(result.name, text, result);
  }
}

function fromTerminal(): Error {
  return zoneError('USAGE_BAD_ARGUMENT', 'an exported zone does not come from a terminal', {
    hint: 'Give a file, or pipe one in: tszone import - < web.tar.zst',
  });
}
