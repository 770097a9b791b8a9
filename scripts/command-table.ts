/** Writes src/commands/index.ts, the table of all commands, from the files in src/commands. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadableCommand } from '../src/cli/command-table.js';

const directory = 'src/commands';

export interface NamedCommand {
  readonly id: string;
  /** Relative to src/commands, without extension. */
  readonly file: string;
  readonly command: LoadableCommand;
}

/** Every command there is, sorted by name. */
export async function loadCommands(): Promise<NamedCommand[]> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
    .map((file) => file.slice(0, -3))
    .sort();
  return Promise.all(
    files.map(async (file) => {
      const module = (await import(join(process.cwd(), directory, `${file}.ts`))) as { default: LoadableCommand };
      return { id: file.replaceAll('/', ' '), file, command: module.default };
    }),
  );
}

export function commandTableSource(commands: readonly NamedCommand[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const entries = commands.map(({ id, file, command }) => {
    const key = /^\w+$/.test(id) ? id : quote(id);
    const summary = /'/.test(command.summary ?? '') ? JSON.stringify(command.summary) : quote(command.summary ?? '');
    const aliases = (command.aliases ?? []).map(quote).join(', ');
    const hidden = command.hidden === true ? '    hidden: true,\n' : '';
    return `  ${key}: {\n    summary: ${summary},\n    aliases: [${aliases}],\n${hidden}    load: () => import('./${file}.js'),\n  },\n`;
  });
  return [
    '/** Made by `npm run docs` from the files of this directory: edit those. */\n',
    "import type { CommandTable } from '../cli/command-table.js';\n\n",
    'export const commandTable: CommandTable = {\n',
    ...entries,
    '};\n',
  ].join('');
}
