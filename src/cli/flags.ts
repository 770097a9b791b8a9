/** Flags that every command has, and the few that several share. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { zoneError } from '../errors/index.js';
import { parseSize } from '../spec/quantities.js';

export const outputFormats = ['table', 'json', 'jsonl', 'yaml', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Of commands that do not look at the host at all. */
export const outputFlags = {
  output: Flags.string({
    char: 'o',
    options: outputFormats,
    default: 'table',
    helpValue: 'FORMAT',
    helpGroup: 'GLOBAL',
    description: 'table, json, jsonl, yaml or csv; with json an error on stderr is JSON, too',
  }),
  quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', description: 'print names only, and no progress' }),
  help: Flags.boolean({ char: 'h', helpGroup: 'GLOBAL', description: 'show this help' }),
} as const;

export const globalFlags = {
  ...outputFlags,
  root: Flags.string({
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
    description: 'persistent data (TSZONE_ROOT, else /var/lib/tszone)',
  }),
  'run-root': Flags.string({
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
    description: 'run-time data (TSZONE_RUN_ROOT, else /run/tszone)',
  }),
  timeout: Flags.string({
    helpValue: 'TIME',
    helpGroup: 'GLOBAL',
    description: 'give up after this time, such as 500ms, 10s, 5m; nothing is left half-done',
  }),
} as const;

/** For lists. */
export const listFlags = {
  columns: Flags.string({ helpValue: 'A,B', description: 'these columns only, in this order' }),
} as const;

/** For verbs that change the host. */
export const dryRunFlag = {
  'dry-run': Flags.boolean({ description: 'print the plan, change nothing' }),
} as const;

/** A required positional argument. oclif would read a missing one from stdin: never here. */
export const requiredArg = (description: string) => Args.string({ required: true, ignoreStdin: true, description });
export const optionalArg = (description: string) => Args.string({ ignoreStdin: true, description });
export const restArg = (description: string) => Args.string({ multiple: true, ignoreStdin: true, description });
export const requiredRestArg = (description: string) =>
  Args.string({ multiple: true, required: true, ignoreStdin: true, description });

export const zoneArg = requiredArg("the zone's name");
export const zonesArg = requiredRestArg('names of zones');

/** A text that may be given several times. Never greedy: `-e A=1 NAME` leaves NAME alone. */
export const listFlag = (description: string, options: { char?: 'e' | 'p' | 'f'; helpValue?: string } = {}) =>
  Flags.string({ multiple: true, multipleNonGreedy: true, description, ...options });

/** Of exec and shell, run. */
export const terminalFlags = {
  interactive: Flags.boolean({ char: 'i', description: 'pass stdin on, also what is typed without a terminal inside' }),
  tty: Flags.boolean({
    char: 't',
    exclusive: ['no-tty'],
    description: 'a terminal inside; the default if stdin and stdout are terminals',
  }),
  'no-tty': Flags.boolean({ char: 'T', description: 'never a terminal inside' }),
} as const;

/** --pull of create and run. */
export const pullFlag = {
  pull: Flags.option({ options: ['missing', 'never', 'always'] as const })({
    helpValue: 'missing|never|always',
    description: 'build a template that is no image yet (missing), never, or anew each time',
  }),
} as const;

/** Of what comes from others and is unpacked. */
export const limitFlags = {
  'max-size': Flags.string({
    helpValue: 'SIZE',
    description:
      'refuse what is larger when it is unpacked (64G if not given); given, nobody asks how well it was compressed',
  }),
  'max-entries': Flags.integer({
    min: 1,
    helpValue: 'N',
    description: 'refuse a layer that has more files (500000 if not given)',
  }),
} as const;

/** @throws USAGE_BAD_ARGUMENT */
export function limitsOf(flags: {
  readonly 'max-size'?: string | undefined;
  readonly 'max-entries'?: number | undefined;
}): {
  readonly maxSizeBytes?: number | undefined;
  readonly maxEntries?: number | undefined;
} {
  const text = flags['max-size'];
  const maxSizeBytes = text === undefined ? undefined : parseSize(text);
  if (text !== undefined && maxSizeBytes === undefined) {
    throw zoneError('USAGE_BAD_ARGUMENT', `"--max-size" is not a size: "${text}"`, {
      hint: 'Write a size such as 512M or 20G.',
    });
  }
  return { maxSizeBytes, maxEntries: flags['max-entries'] };
}
