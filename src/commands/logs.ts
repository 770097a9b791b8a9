import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { zoneArg } from '../cli/flags.js';
import { type Output, stream } from '../cli/output.js';
import { printable } from '../cli/printable.js';
import { parseCount, parseTime } from '../cli/times.js';
import { type LogLine, readLogs } from '../operations/read-logs.js';

export default class Logs extends BaseCommand<typeof Logs> {
  static override summary = "Show what a zone's command wrote";
  static override examples = ['tszone logs -f web', 'tszone logs --since 10m --tail 100 web'];
  static override args = { zone: zoneArg };
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on until the zone ends' }),
    tail: Flags.string({ helpValue: 'N', description: 'only the last N lines' }),
    since: Flags.string({
      helpValue: 'TIME',
      description: 'from then on: 2026-01-31T12:00:00Z, or 10m for ten minutes ago',
    }),
    until: Flags.string({ helpValue: 'TIME', description: 'up to then' }),
    timestamps: Flags.boolean({ description: 'with the time of each line' }),
  };

  async run(): Promise<Output> {
    const { follow, tail, since, until } = this.flags;
    const options = {
      follow: follow === true,
      tail: parseCount(tail, '--tail'),
      sinceMs: parseTime(since, '--since'),
      untilMs: parseTime(until, '--until'),
    };
    const host = await this.openHost();
    return stream(this.show(readLogs(host, this.args.zone, options)));
  }

  private async *show(lines: AsyncIterable<LogLine>): AsyncGenerator<string> {
    const isJson = this.flags.output === 'json' || this.flags.output === 'jsonl';
    const safe = this.caller.stdout.isTTY ? printable : (line: string) => line;
    for await (const line of lines) {
      if (isJson) yield `${JSON.stringify(line)}\n`;
      else yield `${this.flags.timestamps === true ? `${line.time} ` : ''}${safe(line.text)}\n`;
    }
  }
}
