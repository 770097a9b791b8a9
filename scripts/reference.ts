/** The pages of docs/reference that are made from the source. */
import * as v from 'valibot';
import { commandHelp } from '../src/cli/help.js';
import type { CommandClass } from '../src/cli/parse.js';
import { flagName, flagShapes } from '../src/cli/zone-flags.js';
import { errorCatalog } from '../src/errors/index.js';
import { limitEntries, zoneSchema } from '../src/spec/schema.js';
import type { NamedCommand } from './command-table.js';
import { errorNotes } from './error-notes.js';

const made = (source: string) => `<!-- Made by \`npm run docs\` from ${source}: edit that. -->\n`;

/** docs/reference/cli.md: the help of every command. */
export function cliReference(commands: readonly NamedCommand[]): string {
  const shown = commands.filter(({ command }) => command.hidden !== true);
  const sections = shown.map(({ id, command }) => `## tszone ${id}\n\n\`\`\`text\n${commandHelp(id, command)}\`\`\`\n`);
  const contents = shown.map(
    ({ id, command }) => `- [${id}](#tszone-${id.replaceAll(' ', '-')}): ${command.summary ?? ''}`,
  );
  return [made('src/commands'), '# The command line\n', intro, `${contents.join('\n')}\n`, ...sections].join('\n');
}

const intro = `Flags that every command has may also stand before the command: \`tszone -o json list\`. Sizes are \`512M\`, \`1.5G\` (powers
of 1024) or \`unlimited\`; times \`500ms\`, \`10s\`, \`5m\`, \`2h\`, a bare number is seconds.

Data goes to stdout, everything else (errors, notes, progress) to stderr. With \`-o json\` or \`-o jsonl\` an error is one line of
JSON on stderr, \`{"error":{"code","message","hint","exitStatus","context"}}\`; stdout stays empty then, and is never anything
but the command's own with \`exec\`, \`run\`, \`shell\` and \`console\`.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | a bug of tszone |
| 2 | unknown command, flag or key; a bad value |
| 3 | there is no such zone, image, network, port or path |
| 4 | it exists already, is in the wrong state, or is locked |
| 5 | the host lacks a kernel feature, a controller or a tool |
| 6 | no space, no address, no id range is left |
| 7 | a step in the kernel failed |
| 8 | not done in time |
| 9 | not permitted |
| 125, 126, 127 | \`exec\`, \`run\`, \`shell\`, \`console\`: tszone failed; the command cannot be executed; it was not found |
| 128+n | there: the command was ended by signal n; elsewhere: tszone was |
`;

/** docs/reference/errors.md: one heading per code. */
export function errorReference(): string {
  const sections = Object.entries(errorCatalog).map(([code, kind]) => {
    const { exitStatus, httpStatus } = new kind(code, '');
    const note = (errorNotes as Readonly<Record<string, string>>)[code];
    if (note === undefined) throw new Error(`scripts/error-notes.ts says nothing about ${code}`);
    return `## ${code}\n\nExit status ${exitStatus}, HTTP ${httpStatus} (\`${kind.name}\`).\n\n${note}\n`;
  });
  return [made('src/errors/catalog.ts and scripts/error-notes.ts'), '# Errors\n', errorIntro, ...sections].join('\n');
}

const errorIntro = `Every error has a \`code\`; branch on it, never on the text. The same object is printed with \`-o json\` and thrown by the
library: \`{ code, message, hint, exitStatus, context }\`. A code that is retired is never used for something else.
`;

/** docs/reference/spec.md: the fields of a zone. */
export function specReference(): string {
  const rows = Object.entries(zoneSchema.entries).map(([field, schema]) => {
    const acts =
      field in limitEntries
        ? 'at once'
        : field === 'name' || field === 'image' || field === 'ephemeral'
          ? 'fixed'
          : 'next start';
    return `| \`${field}\` | ${flagCell(field)} | ${acts} | ${(v.getDescription(schema) ?? '').replaceAll('|', '\\|')} |`;
  });
  return [
    made('src/spec/schema.ts'),
    '# What a zone can be asked to be\n',
    'The same fields are keys of `host.create({ … })` and `host.run({ … })`, and flags of `create`, `run` and `set`. Unknown keys are refused.\n',
    '| field | flag | a change acts | what it is |\n|---|---|---|---|',
    `${rows.join('\n')}\n`,
  ].join('\n');
}

function flagCell(field: string): string {
  if (field === 'name') return '`NAME`, `run --name`';
  if (field === 'image') return '`create --image`, `run IMAGE`';
  if (field === 'command') return '`-- COMMAND…`';
  if (field === 'ephemeral') return '`run --rm`';
  const shape = flagShapes[field as keyof typeof flagShapes];
  const value = shape.kind === 'boolean' ? '' : ` ${shape.value.replaceAll('|', '\\|')}`;
  const again = shape.kind === 'list' || shape.kind === 'pairs' ? ' …' : '';
  return `\`--${flagName(field)}${value}\`${again}`;
}

/** Flags of every command, sorted: a change shows in the diff of the snapshot. */
export function flagSnapshot(commands: readonly NamedCommand[]): Record<string, readonly string[]> {
  const flagsOf = ({ flags, args }: CommandClass) => [
    ...Object.keys(args).map((name) => name.toUpperCase()),
    ...Object.entries(flags ?? {})
      .map(
        ([name, { char, type }]) =>
          `--${name}${char === undefined ? '' : ` -${char}`}${type === 'option' ? ' VALUE' : ''}`,
      )
      .sort(),
  ];
  return Object.fromEntries(commands.map(({ id, command }) => [id, flagsOf(command)]));
}
