/** What `--help` prints: of tszone, of a topic, of a command. */
import type { FlagInput } from '@oclif/core/parser';
import { type CommandTable, commandsOf, findCommand, unknownCommand } from './command-table.js';
import { allFlags, type CommandClass } from './parse.js';

type FlagShape = FlagInput[string];

/** Commands by what they are for, as the overview has them; what is not named here goes to "others". */
const groups: readonly (readonly [string, readonly string[]])[] = [
  [
    'life',
    ['create', 'run', 'start', 'prepare', 'stop', 'restart', 'kill', 'pause', 'resume', 'delete', 'rename', 'wait'],
  ],
  ['spares', ['spare', 'claim']],
  ['look', ['list', 'inspect', 'status', 'ps', 'logs']],
  ['change', ['set', 'get', 'unset']],
  ['inside', ['exec', 'shell', 'console', 'cp']],
  ['state', ['export', 'import', 'publish']],
  ['images', ['image']],
  ['network', ['network', 'port']],
  ['host', ['doctor', 'boot', 'engine', 'completion', 'version']],
];

/** @throws USAGE_UNKNOWN_COMMAND */
export async function helpText(table: CommandTable, words: readonly string[]): Promise<string> {
  const [topic] = words;
  if (topic === undefined) return overview(table);
  const found = findCommand(table, words);
  if (found !== undefined) return commandHelp(found.id, (await found.entry.load()).default);
  const inTopic = commandsOf(table, topic);
  if (inTopic.length > 0 && words.length === 1) return topicHelp(table, topic, inTopic);
  throw unknownCommand(table, words);
}

function overview(all: CommandTable): string {
  const table = Object.fromEntries(Object.entries(all).filter(([, { hidden }]) => hidden !== true));
  const belongs = (id: string, names: readonly string[]) => names.includes(id.split(' ')[0] ?? id);
  const grouped = groups.flatMap(([, names]) => names);
  const others = Object.keys(table).filter((id) => !belongs(id, grouped));
  const sections = [
    ...groups.map(([title, names]) => [title, Object.keys(table).filter((id) => belongs(id, names))] as const),
    ['others', others] as const,
  ];
  const text = sections
    .filter(([, ids]) => ids.length > 0)
    .map(([title, ids]) =>
      section(
        title.toUpperCase(),
        ids.map((id) => [id, table[id]?.summary ?? '']),
      ),
    )
    .join('');
  return `Zones for Linux: one kernel, many machines.\n\nUSAGE\n  tszone COMMAND [FLAGS] …\n\n${text}See "tszone COMMAND --help" for its flags.\n`;
}

function topicHelp(table: CommandTable, topic: string, ids: readonly string[]): string {
  const commands = section(
    'COMMANDS',
    ids.map((id) => [id, table[id]?.summary ?? '']),
  );
  return `USAGE\n  tszone ${topic} COMMAND [FLAGS] …\n\n${commands}See "tszone ${topic} COMMAND --help" for its flags.\n`;
}

/** Help of one command; also what docs/reference/cli.md is made of. */
export function commandHelp(id: string, command: CommandClass): string {
  const flags = Object.entries(allFlags(command)).filter(([, flag]) => flag.hidden !== true);
  const own = flags.filter(([, flag]) => flag.helpGroup !== 'GLOBAL');
  const common = flags.filter(([, flag]) => flag.helpGroup === 'GLOBAL');
  const aliases = (command.aliases ?? []).map((alias): [string, string] => [alias, '']);
  const examples = (command.examples ?? []).map((example): [string, string] => [String(example), '']);
  return [
    `${command.summary ?? ''}\n\n`,
    command.description === undefined ? '' : `${command.description.trim()}\n\n`,
    `USAGE\n  ${usageLine(id, command)}\n\n`,
    section(
      'ARGUMENTS',
      Object.entries(command.args).map(([name, arg]) => [name.toUpperCase(), arg.description ?? '']),
    ),
    section(
      'FLAGS',
      own.map(([name, flag]) => [flagLabel(name, flag), flagText(flag)]),
    ),
    section(
      'GLOBAL FLAGS',
      common.map(([name, flag]) => [flagLabel(name, flag), flagText(flag)]),
    ),
    section('ALIASES', aliases),
    section('EXAMPLES', examples),
  ]
    .join('')
    .replace(/\n\n$/, '\n');
}

/** `tszone exec [FLAGS] ZONE [--] COMMAND…`. */
export function usageLine(id: string, command: CommandClass): string {
  const args = Object.entries(command.args).map(([name, arg]) => {
    const word = `${name.toUpperCase()}${arg.multiple === true ? '…' : ''}`;
    return arg.required === true ? word : `[${word}]`;
  });
  return [
    'tszone',
    id,
    '[FLAGS]',
    ...args,
    ...[command.passThrough ?? command.afterDashes].filter((word) => word !== undefined),
  ].join(' ');
}

/** `-m, --memory SIZE`. */
export function flagLabel(name: string, flag: FlagShape): string {
  const value = flag.type === 'option' ? ` ${[flag.helpValue ?? 'VALUE'].flat().join('|')}` : '';
  const no = flag.type === 'boolean' && flag.allowNo === true ? '[no-]' : '';
  return `${flag.char === undefined ? '    ' : `-${flag.char}, `}--${no}${name}${value}`;
}

export function flagText(flag: FlagShape): string {
  const again = flag.type === 'option' && flag.multiple === true ? ' (repeatable)' : '';
  const required = flag.required === true ? ' (required)' : '';
  return `${flag.description ?? flag.summary ?? ''}${required}${again}`;
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.map(([left, right]) => {
    if (right === '') return `  ${left}\n`;
    // A long label has a line of its own.
    return left.length > width
      ? `  ${left}\n  ${' '.repeat(width)}  ${right}\n`
      : `  ${left.padEnd(width)}  ${right}\n`;
  });
  return `${title}\n${lines.join('')}\n`;
}
