/**
 * What all commands share: oclif's Command with its flags and arguments already parsed, and a way to an operation.
 * A command is thin: parse → one operation → return an Output. It prints nothing itself.
 */
import { Command } from '@oclif/core/command';
import type { FlagInput, InferredArgs, InferredFlags } from '@oclif/core/interfaces';
import type { HostContext } from '../operations/host-context.js';
import { warningMark } from '../spec/index.js';
import { type Caller, thisProcess } from './caller.js';
import type { CommandTable } from './command-table.js';
import { globalFlags } from './flags.js';
import { withInterrupts } from './interrupts.js';
import { type Done, doneAll, exitWith, type Output } from './output.js';
import { createProgress, type Progress } from './progress.js';

type GlobalFlags = InferredFlags<typeof globalFlags>;
type FlagsOf<T extends typeof Command> = GlobalFlags & InferredFlags<T['flags']>;
type ArgsOf<T extends typeof Command> = InferredArgs<T['args']>;

export interface Given {
  readonly flags: object;
  readonly args: object;
  readonly rest: readonly string[];
  readonly table: CommandTable;
  readonly caller: Caller;
}

/** What oclif's Command asks of a config; plugins and their hooks are not looked for. */
const config = { bin: 'tszone', runHook: async () => ({ successes: [], failures: [] }) };

export abstract class BaseCommand<T extends typeof Command = typeof Command> extends Command {
  static override baseFlags: FlagInput = globalFlags;
  /** Options end at the first argument; what follows is this (`[--] COMMAND…`). */
  static passThrough: string | undefined;
  /** What follows `--` is this. */
  static afterDashes: string | undefined;
  /** stdout and the exit status are those of a command in a zone; own failures exit 125. */
  static passesStatus = false;
  /** Its operation takes locks, and what takes them is started while the command line is read. */
  static takesLocks = false;

  protected flags: FlagsOf<T>;
  protected args: ArgsOf<T>;
  /** The command line after the first argument, with `passThrough`. */
  protected rest: readonly string[] = [];
  protected table: CommandTable = {};
  protected caller: Caller = thisProcess;

  constructor(argv: string[]) {
    super(argv, config as unknown as ConstructorParameters<typeof Command>[1]);
    this.flags = {} as FlagsOf<T>;
    this.args = {} as ArgsOf<T>;
  }

  /** Called once, before `run`. */
  give({ flags, args, rest, table, caller }: Given): void {
    this.flags = flags as FlagsOf<T>;
    this.args = args as ArgsOf<T>;
    this.rest = rest;
    this.table = table;
    this.caller = caller;
  }

  abstract override run(): Promise<Output>;

  /** Runs one operation: opens the host, ends it on Ctrl-C and when --timeout is over. */
  protected async operate<R>(
    work: (host: HostContext, options: { readonly signal: AbortSignal }) => Promise<R>,
  ): Promise<R> {
    return withInterrupts(this.common.timeout, async (signal) => work(await this.openHost(), { signal }), this.caller);
  }

  /** The same verb on several zones: all are tried, the first failure is thrown. */
  protected async forEach(names: readonly string[], work: (name: string) => Promise<Done>): Promise<Output> {
    const outcomes = await Promise.allSettled(names.map(work));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return doneAll(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])));
  }

  /** The host as --root and --run-root say. */
  protected async openHost(): Promise<HostContext> {
    const { openHostContext } = await import('../operations/host-context.js');
    const host = await openHostContext(this.paths());
    for (const { zone, reason } of host.unfinished) {
      this.note(`what a killed command left of zone "${zone}" is not finished yet: ${reason}`);
    }
    return host;
  }

  /** Where the data lie: a flag, else the environment, else the default. */
  protected paths(): { readonly root: string; readonly runRoot: string } {
    return {
      root: this.common.root ?? this.caller.env.TSZONE_ROOT ?? '/var/lib/tszone',
      runRoot: this.common['run-root'] ?? this.caller.env.TSZONE_RUN_ROOT ?? '/run/tszone',
    };
  }

  /** Shown on stderr, only on a terminal, and only for what takes longer than half a second. */
  protected progress(step: string): Progress {
    return createProgress(step, this.common.quiet ? { write: () => {} } : this.caller.stderr);
  }

  /** A remark for people: on stderr, not with -q. */
  protected note(message: string): void {
    if (this.common.quiet) return;
    this.caller.stderr.write(message.startsWith(warningMark) ? `${message}\n` : `note: ${message}\n`);
  }

  /** The exit status of a command in a zone; a person is told why it was killed. */
  protected endedAs({ exitCode, oomKilled }: { readonly exitCode: number; readonly oomKilled: boolean }): Output {
    if (oomKilled && this.caller.stderr.isTTY) this.note("killed by the zone's memory limit");
    return exitWith(exitCode);
  }

  /** Asks on a terminal; elsewhere the answer is yes. @throws Interrupted unless it is */
  protected async confirm(question: string): Promise<void> {
    if (!this.caller.stdin.isTTY || !this.caller.stderr.isTTY) return;
    const { ask } = await import('./ask.js');
    await ask(question);
  }

  protected get common(): GlobalFlags {
    return this.flags;
  }
}
