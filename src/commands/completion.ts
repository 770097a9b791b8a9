import * as Args from '@oclif/core/args';
import { BaseCommand } from '../cli/base-command.js';
import { describeCommands, scriptOf, shells } from '../cli/completion.js';
import { outputFlags } from '../cli/flags.js';
import { type Output, text } from '../cli/output.js';

export default class Completion extends BaseCommand<typeof Completion> {
  static override baseFlags = outputFlags;
  static override summary = 'Print the completion script of a shell';
  static override description = 'It completes commands, flags, and the names of zones, snapshots and images.';
  static override examples = [
    'tszone completion bash > /etc/bash_completion.d/tszone',
    'tszone completion fish > /etc/fish/completions/tszone.fish',
    'source <(tszone completion zsh)',
  ];
  static override args = {
    shell: Args.string({ required: true, ignoreStdin: true, options: [...shells], description: 'bash, zsh or fish' }),
  };

  async run(): Promise<Output> {
    return text(scriptOf(this.args.shell, await describeCommands(this.table)));
  }
}
