/** Parses, runs and renders one command. */
import { parse } from '@oclif/core/parser';
import { spawner } from '../helper/index.js';
import type { BaseCommand, Given } from './base-command.js';
import { thisProcess } from './caller.js';
import type { LoadableCommand } from './command-table.js';
import { type OutputFormat, outputFormats } from './flags.js';
import { render } from './output.js';
import { allFlags, ownWords, refuseUnknownFlags, usageError } from './parse.js';

export interface Ran {
  readonly stdout: AsyncIterable<string> | Iterable<string>;
  readonly exitStatus: number;
  /** What is left to do behind a caller that need not wait for it. */
  readonly behind: Promise<unknown> | undefined;
}

/** @throws ZoneError (usage errors included), Interrupted */
export async function runCommand(
  id: string,
  argv: readonly string[],
  { table, caller = thisProcess }: Pick<Given, 'table'> & Partial<Pick<Given, 'caller'>>,
): Promise<Ran> {
  const entry = table[id];
  if (entry === undefined) throw new Error(`no command ${id}`);
  const command = (await entry.load()).default;
  if ('takesLocks' in command && command.takesLocks === true) void spawner();
  const given = { ...(await parseGiven(id, command, argv)), table, caller };
  const one: BaseCommand = new command([...argv]);
  one.give(given);
  const output = await one.run();
  const { output: format, quiet, columns } = given.flags as { output: OutputFormat; quiet?: boolean; columns?: string };
  return {
    stdout: output.kind === 'stream' ? output.chunks : [render(output, { format, quiet: quiet === true, columns })],
    exitStatus: ('exitStatus' in output ? output.exitStatus : undefined) ?? 0,
    behind: output.kind === 'done' ? output.behind : undefined,
  };
}

async function parseGiven(
  id: string,
  command: LoadableCommand,
  argv: readonly string[],
): Promise<Omit<Given, 'table' | 'caller'>> {
  const flags = allFlags(command);
  const { own, rest } = ownWords(command, argv);
  refuseUnknownFlags(command, own, id);
  try {
    const input = { args: command.args, flags, strict: command.strict !== false, '--': true };
    const parsed = await parse(own, input);
    return { flags: parsed.flags, args: parsed.args, rest };
  } catch (error) {
    throw usageError(error, command, id);
  }
}

/** True if help is asked for in the command's own words, not in those of a command in the zone. */
export function wantsHelp(command: LoadableCommand, argv: readonly string[]): boolean {
  const { own } = ownWords(command, argv);
  const end = own.indexOf('--');
  return own.slice(0, end < 0 ? undefined : end).some((word) => word === '--help' || word === '-h');
}

/** The format that errors are to have, also when the line cannot be parsed. */
export function formatOf(argv: readonly string[], command: LoadableCommand | undefined): OutputFormat {
  const own = command === undefined ? argv : ownWords(command, argv).own;
  const words = own.flatMap((word, at) => {
    if (word === '-o' || word === '--output') return [own[at + 1] ?? ''];
    const joined = /^(?:--output=|-o=?)(.+)$/.exec(word)?.[1];
    return joined === undefined ? [] : [joined];
  });
  return outputFormats.find((format) => format === words.at(-1)) ?? 'table';
}
