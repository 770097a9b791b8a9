/** What there is to run: a table made by `npm run docs` from src/commands, so that no command is loaded to find one. */
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/nearest.js';
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

/** @returns USAGE_UNKNOWN_COMMAND with the nearest command named */
export function unknownCommand(table: CommandTable, words: readonly string[]): Error {
  const [topic = '', word = ''] = words;
  const inTopic = commandsOf(table, topic);
  const spoken = inTopic.length > 0 && !word.startsWith('-') ? `${topic} ${word}`.trim() : topic;
  const known =
    inTopic.length > 0 ? inTopic : [...Object.keys(table), ...Object.values(table).flatMap(({ aliases }) => aliases)];
  const near = spoken === topic && inTopic.length > 0 ? undefined : nearest(spoken, known);
  const list = inTopic.length > 0 ? `The commands are ${inTopic.join(', ')}.` : 'See "tszone --help" for the commands.';
  return zoneError(
    'USAGE_UNKNOWN_COMMAND',
    inTopic.length > 0 && spoken === topic ? `"${topic}" needs a command` : `unknown command "${spoken}"`,
    {
      hint: near === undefined ? list : `Did you mean "tszone ${near}"? ${list}`,
      context: { command: spoken, ...(near === undefined ? {} : { nearest: near }) },
    },
  );
}
