import { BaseCommand } from '../cli/base-command.js';
import { listFlags, zoneArg } from '../cli/flags.js';
import { list, type Output } from '../cli/output.js';
import { listProcesses } from '../operations/list-processes.js';
import { formatSize } from '../spec/index.js';

export default class Ps extends BaseCommand<typeof Ps> {
  static override summary = "List a zone's processes, with the pids of the zone and of the host";
  static override args = { zone: zoneArg };
  static override flags = listFlags;

  async run(): Promise<Output> {
    const processes = await this.operate((host) => listProcesses(host, this.args.zone));
    return list(
      processes,
      [
        { key: 'pid', text: ({ pid }) => pid },
        { key: 'hostPid', text: ({ hostPid }) => hostPid },
        { key: 'uid', text: ({ uid }) => uid },
        { key: 'state', text: ({ state }) => state },
        { key: 'memoryBytes', text: ({ memoryBytes }) => formatSize(memoryBytes) },
        { key: 'command', text: ({ command }) => command },
      ],
      ({ pid }) => String(pid),
    );
  }
}
