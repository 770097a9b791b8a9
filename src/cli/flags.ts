/** Flags that every command has, and the few that several share. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

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
