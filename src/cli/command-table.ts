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
  const [first = '', second = ''] = words;
  const inTopic = commandsOf(table, first);
  if (inTopic.length > 0) return unknownInTopic(first, second.startsWith('-') ? '' : second, inTopic);
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const known = shown.flatMap(([id, { aliases }]) => [id, ...aliases].map((name) => name.split(' ')[0] ?? name));
  return unknown(`unknown command "${first}"`, first, {
    near: nearest(first, known),
    list: 'See "tszone --help" for the commands.',
  });
}

function unknownInTopic(topic: string, word: string, ids: readonly string[]): Error {
  const list = `The commands are ${ids.join(', ')}.`;
  if (word === '') return unknown(`"${topic}" needs a command`, topic, { near: undefined, list });
  return unknown(`unknown command "${topic} ${word}"`, `${topic} ${word}`, {
    near: nearest(`${topic} ${word}`, ids),
    list,
  });
}

function unknown(message: string, command: string, { near, list }: { near: string | undefined; list: string }): Error {
  return zoneError('USAGE_UNKNOWN_COMMAND', message, {
    hint: near === undefined ? list : `Did you mean "tszone ${near}"? ${list}`,
    context: { command, ...(near === undefined ? {} : { nearest: near }) },
  });
}
