import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { type Output, record } from '../cli/output.js';
import { zoneStatus } from '../operations/inspect-zone.js';
import { formatSize } from '../spec/index.js';

export default class Status extends BaseCommand<typeof Status> {
  static override summary = 'Show how a zone is and what it uses';
  static override args = { zone: zoneArg };

  async run(): Promise<Output> {
    const status = await this.operate((host) => zoneStatus(host, this.args.zone));
    const { usage, written } = status;
    const of = (used: number | undefined, limit: number | undefined, show: (value: number) => string) =>
      used === undefined ? undefined : `${show(used)}${limit === undefined ? '' : ` of ${show(limit)}`}`;
    const lines: readonly (readonly [string, string | undefined])[] = [
      ['zone', status.name],
      ['status', status.note],
      ['image', status.image],
      ['mode', status.mode === 'isolated' ? undefined : status.mode],
      ['pid', status.pid?.toString()],
      ['addresses', status.addresses.join(' ')],
      ['ports', status.ports.join(' ')],
      ['lsm', status.lsm],
      ['started', status.startedAt],
      ['memory', of(usage?.memoryBytes, usage?.memoryLimitBytes, formatSize)],
      ['processes', of(usage?.pids, usage?.pidsLimit, String)],
      ['disk', of(written?.bytes, written?.bytesLimit, formatSize)],
      ['files', of(written?.inodes, written?.inodesLimit, String)],
      ['pool', status.pool === 'default' ? undefined : status.pool],
      ['cpu time', usage?.cpuUsageUs === undefined ? undefined : `${(usage.cpuUsageUs / 1e6).toFixed(1)} s`],
      ['ended', status.status === 'stopped' ? status.exit?.at : undefined],
    ];
    return record(
      status.name,
      status,
      lines.flatMap(([label, value]) => (value === undefined || value === '' ? [] : [[label, value] as const])),
    );
  }
}
