/** The way in: finds the command, runs it, prints what it returned or the error, and sets the exit status. */
import { type Caller, thisProcess } from './caller.js';
import { type CommandTable, type Found, findCommand, type LoadableCommand, unknownCommand } from './command-table.js';
import { Declined } from './declined.js';
import { hoistGlobals } from './global-flags.js';
import { Interrupted } from './interrupts.js';
import { asZoneError, exitStatusOf, formatError, refine, withOptionHint } from './print-error.js';
import { version } from './version.js';

/** Runs one command line. @returns the exit status; everything is written when it resolves */
export async function main(
  argv: readonly string[],
  table: CommandTable,
  caller: Caller = thisProcess,
): Promise<number> {
  if (argv.length === 1 && (argv[0] === 'version' || argv[0] === '--version' || argv[0] === '-V')) {
    await caller.stdout.deliver(`${version()}\n`);
    return 0;
  }
  let command: LoadableCommand | undefined;
  const words = hoistGlobals(argv, table);
  let own: readonly string[] = words;
  try {
    if (isHelp(words)) return await help(table, words.slice(1), caller);
    const { id, entry, rest } = find(table, words);
    own = rest;
    command = (await entry.load()).default;
    const { runCommand, wantsHelp } = await import('./run-command.js');
    if (wantsHelp(command, rest)) return await help(table, id.split(' '), caller);
    const { stdout, exitStatus, behind } = await runCommand(id, rest, { table, caller });
    for await (const chunk of stdout) if (!(await caller.stdout.deliver(chunk))) break;
    if (behind !== undefined) {
      caller.release?.(exitStatus);
      await behind;
    }
    return exitStatus;
  } catch (error) {
    return fail(error, { words: own, command, caller });
  }
}

interface Failed {
  readonly words: readonly string[];
  readonly command: LoadableCommand | undefined;
  readonly caller: Caller;
}

async function fail(thrown: unknown, { words, command, caller }: Failed): Promise<number> {
  if (thrown instanceof Interrupted) {
    await caller.stderr.deliver(`${thrown.message}\n`);
    return thrown.exitStatus;
  }
  const error = withOptionHint(asZoneError(refine(thrown)));
  // A client builds it, or says so itself.
  if (error.code === 'IMAGE_NOT_FOUND' && !caller.buildsImages) throw new Declined();
  const { formatOf } = await import('./run-command.js');
  const { stderr, env } = caller;
  const color = stderr.isTTY && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const debug = (env.TSZONE_DEBUG ?? '') !== '';
  const passesStatus = command !== undefined && 'passesStatus' in command && command.passesStatus === true;
  const exitStatus = exitStatusOf(error, passesStatus);
  await caller.stderr.deliver(formatError(error, { format: formatOf(words, command), exitStatus, debug, color }));
  return exitStatus;
}

function isHelp([first]: readonly string[]): boolean {
  return first === undefined || first === 'help' || first === '--help' || first === '-h';
}

async function help(table: CommandTable, words: readonly string[], caller: Caller): Promise<number> {
  const { helpText } = await import('./help.js');
  await caller.stdout.deliver(await helpText(table, words));
  return 0;
}

function find(table: CommandTable, words: readonly string[]): Found {
  const found = findCommand(table, words);
  if (found !== undefined) return found;
  throw unknownCommand(table, words);
}
