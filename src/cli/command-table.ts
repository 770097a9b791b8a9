/** What there is to run: a table made by `npm run docs` from src/commands, so that no command is loaded to find one. */
import type { BaseCommand } from './base-command.js';
import type { CommandClass } from './parse.js';

export type LoadableCommand = CommandClass & (new (argv: string[]) => BaseCommand);

export interface CommandEntry {
  readonly summary: string;
  readonly aliases: readonly string[];
  /** Called by tszone itself, not by people: in no help. */
  readonly hidden?: true;
  readonly load: () => Promise<{ readonly default: LoadableCommand }>;
}

/** Command line words (`start`, `image build`) → how to get it. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

export interface Found {
  readonly id: string;
  readonly entry: CommandEntry;
  /** What follows the command's words. */
  readonly rest: readonly string[];
}

/** The command that the first one or two words name, by name or alias. */
export function findCommand(table: CommandTable, words: readonly string[]): Found | undefined {
  for (const length of [2, 1]) {
    if (words.length < length) continue;
    const spoken = words.slice(0, length).join(' ');
    const id = spoken in table ? spoken : Object.keys(table).find((name) => table[name]?.aliases.includes(spoken));
    const entry = id === undefined ? undefined : table[id];
    if (id !== undefined && entry !== undefined) return { id, entry, rest: words.slice(length) };
  }
  return undefined;
}

/** Names that begin with `topic ` such as `image `. */
export function commandsOf(table: CommandTable, topic: string): string[] {
  return Object.keys(table).filter((id) => id.startsWith(`${topic} `));
}
