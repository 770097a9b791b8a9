/** The command line → flags and arguments, by oclif's parser; its errors become ours, with the nearest flag named. */
import type { ArgInput, FlagInput } from '@oclif/core/parser';
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/nearest.js';
import { refuseDryRun } from './no-dry-run.js';

/** The static side of a command that parsing and help need. */
export interface CommandClass {
  readonly summary?: string | undefined;
  readonly description?: string | undefined;
  readonly examples?: readonly unknown[] | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly flags?: FlagInput | undefined;
  readonly baseFlags?: FlagInput | undefined;
  readonly args: ArgInput;
  /** Options end at the first argument; what follows is a command line of its own. Its name in the usage. */
  readonly passThrough?: string | undefined;
  /** What follows `--` is a command line of its own. Its name in the usage. */
  readonly afterDashes?: string | undefined;
  readonly hidden?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

export function allFlags(command: CommandClass): FlagInput {
  return { ...command.flags, ...command.baseFlags };
}

/** Splits after the first positional argument: what follows is not ours. One `--` between is dropped. */
export function splitPassThrough(flags: FlagInput, argv: readonly string[]): { own: string[]; rest: string[] } {
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] ?? '';
    if (word === '--')
      return { own: [...argv.slice(0, at), ...argv.slice(at + 1, at + 2)], rest: dropDashes(argv.slice(at + 2)) };
    if (!word.startsWith('-') || word === '-')
      return { own: argv.slice(0, at + 1), rest: dropDashes(argv.slice(at + 1)) };
    at += takesNextWord(flags, word) ? 2 : 1;
  }
  return { own: [...argv], rest: [] };
}

/** The command's own words, and the command line that is not ours to read. */
export function ownWords(command: CommandClass, argv: readonly string[]): { own: string[]; rest: string[] } {
  if (command.passThrough !== undefined) return splitPassThrough(allFlags(command), argv);
  const dashes = command.afterDashes === undefined ? -1 : argv.indexOf('--');
  return dashes < 0 ? { own: [...argv], rest: [] } : { own: argv.slice(0, dashes), rest: argv.slice(dashes + 1) };
}

function dropDashes(argv: readonly string[]): string[] {
  return argv[0] === '--' ? argv.slice(1) : [...argv];
}

/** `--memory 1G` and `-e A=1` do; `--memory=1G`, `-eA=1`, `-it` and booleans do not. */
function takesNextWord(flags: FlagInput, word: string): boolean {
  if (word.startsWith('--')) {
    const name = word.slice(2);
    const flag = flags[name] ?? Object.values(flags).find((one) => one.aliases?.includes(name));
    return flag?.type === 'option';
  }
  const letters = [...word.slice(1)];
  const firstOption = letters.findIndex(
    (letter) => Object.values(flags).find((one) => one.char === letter)?.type === 'option',
  );
  return firstOption >= 0 && firstOption === letters.length - 1;
}

/** @throws USAGE_UNKNOWN_FLAG: before oclif takes what follows an unknown flag for an argument */
export function refuseUnknownFlags(command: CommandClass, own: readonly string[], id: string): void {
  const flags = allFlags(command);
  for (let at = 0; at < own.length; at += 1) {
    const word = own[at] ?? '';
    if (word === '--') return;
    if (!word.startsWith('-') || word === '-') continue;
    if (!isKnown(flags, word)) {
      const refused = /^--dry-run(=|$)/.test(word) ? refuseDryRun(id) : undefined;
      throw refused ?? unknownFlag(word, command, helpHint(id));
    }
    if (takesNextWord(flags, word)) at += 1;
  }
}

function isKnown(flags: FlagInput, word: string): boolean {
  if (!word.startsWith('--')) return Object.values(flags).some(({ char }) => char === word[1]);
  const [name = ''] = word.slice(2).split('=');
  const negated = flags[name.replace(/^no-/, '')];
  return name in flags || (negated?.type === 'boolean' && negated.allowNo === true);
}

const helpHint = (id: string) => `See "tszone ${id} --help".`;

/** Turns an error of oclif's parser into a UsageError; ours pass. */
export function usageError(error: unknown, command: CommandClass, id: string): unknown {
  if (!(error instanceof Error) || !('oclif' in error || 'parse' in error)) return error;
  const hint = helpHint(id);
  if ('flags' in error && Array.isArray(error.flags)) return unknownFlag(String(error.flags[0]), command, hint);
  if ('args' in error && Array.isArray(error.args)) return argumentsError(error.args, id, hint);
  const message = error.message
    .replace(/See more help with --help/g, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Missing required flag (\S+)/, 'missing required flag "--$1"');
  return zoneError('USAGE_BAD_ARGUMENT', firstLower(oneLine(message)), { hint });
}

function unknownFlag(given: string, command: CommandClass, hint: string): Error {
  const [word = given] = given.split('=');
  const near = nearest(word.replace(/^-+/, ''), Object.keys(allFlags(command)));
  return zoneError('USAGE_UNKNOWN_FLAG', `unknown flag "${word}"`, {
    hint: near === undefined ? hint : `Did you mean "--${near}"? ${hint}`,
    context: { flag: word, ...(near === undefined ? {} : { nearest: `--${near}` }) },
  });
}

function argumentsError(args: readonly unknown[], id: string, hint: string): Error {
  const missing = args.flatMap((arg) =>
    typeof arg === 'object' && arg !== null && 'name' in arg ? [String(arg.name)] : [],
  );
  const message =
    missing.length > 0
      ? `"${id}" needs ${missing.map((name) => name.toUpperCase()).join(' and ')}`
      : `unexpected argument "${String(args[0])}"`;
  return zoneError('USAGE_BAD_ARGUMENT', message, {
    hint,
    context: { arguments: missing.length > 0 ? missing : args },
  });
}

function firstLower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
