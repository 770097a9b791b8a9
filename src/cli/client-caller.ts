/** A client of the engine as the caller of a command: which command lines can be run for it here, and what it hears and sees. */
import { constants } from 'node:os';
import type { ReadyRuns } from '../operations/ready-runs.js';
import type { Caller, CallerStream } from './caller.js';
import type { CommandTable } from './command-table.js';
import { hoistGlobals } from './global-flags.js';

/** What this file needs of an engine's client. */
interface Client {
  readonly request: {
    readonly id: number;
    readonly cwd: string;
    readonly terminals: readonly [boolean, boolean, boolean];
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
  };
  write(stream: 'stdout' | 'stderr', text: string): void;
  /** It waits no longer, whatever is still being done. */
  release(status: number): void;
  onSignal: (number: number) => void;
}

/**
 * Verbs that ask for nothing but their words: no terminal, no stdin, nothing of the client's directory or of long duration that
 * its own process would not do as well.
 */
const served = new Set(
  [
    'boot create delete destroy freeze get inspect kill launch list ls pause ps ready reboot rename restart resume rm',
    'run set shutdown start status stop thaw unpause unset update wait network port prepare spare claim version',
    'clone copy fork snapshot',
  ].flatMap((words) => words.split(' ')),
);

/** Their values are looked up in the client's directory. */
const paths = /^--(root|run-root|env-file|mount|template)\b/;

/** False: the client does it itself, as without an engine. */
export function canServe({ argv, terminals }: Client['request'], table: CommandTable): boolean {
  const [verb = '', ...rest] = hoistGlobals(argv, table);
  if (!served.has(verb) || rest.some((word) => paths.test(word)) || isExec(verb, rest) || isView(verb, rest))
    return false;
  const isAttached =
    (verb === 'run' || verb === 'launch') && !rest.some((word) => word === '-d' || word === '--detach');
  // A terminal is a matter between the zone and the client's own process, and so is a question.
  if (isAttached) return !(terminals[0] && terminals[1]) && !rest.some(isTerminalFlag);
  return !terminals[0] || !(asks.has(verb) || (verb === 'snapshot' && rest[0] === 'restore'));
}

/** `claim IMAGE COMMAND…`: the command's descriptors are the client's own. */
const isExec = (verb: string, rest: readonly string[]) =>
  verb === 'claim' && rest.filter((word) => !word.startsWith('-')).length > 1;

/** A mount for a person, in the namespace of the client and where that says; a look at two trees, which may take long. */
const isView = (verb: string, [word = '']: readonly string[]) =>
  verb === 'snapshot' && ['mount', 'umount', 'diff'].includes(word);

const asks = new Set(['delete', 'destroy', 'rm', 'network']);
const isTerminalFlag = (word: string) => /^(--tty|--interactive|-[a-z]*[ti][a-z]*)$/.test(word);

export function callerOf(client: Client, ready: ReadyRuns): Caller {
  const { request } = client;
  const [stdin, stdout, stderr] = request.terminals;
  const stream = (name: 'stdout' | 'stderr', isTTY: boolean): CallerStream => ({
    isTTY,
    write: (text) => client.write(name, text),
    deliver: async (text) => {
      if (text !== '') client.write(name, text);
      return true;
    },
  });
  return {
    stdin: { isTTY: stdin },
    stdout: stream('stdout', stdout),
    stderr: stream('stderr', stderr),
    env: request.env,
    descriptors: [`${request.id}:0`, `${request.id}:1`, `${request.id}:2`],
    buildsImages: false,
    ready: request.env.TSZONE_READY === 'off' ? undefined : ready,
    onSignal: listenTo(client),
    release: (status) => client.release(status),
    exit: (status) => client.release(status),
  };
}

/** The latest listener is asked first and alone: who attaches takes the signals from who waits. What comes before there is one is for the first. */
function listenTo(client: Client): Caller['onSignal'] {
  const listeners: { readonly names: readonly NodeJS.Signals[]; readonly handler: (name: NodeJS.Signals) => void }[] =
    [];
  const early: number[] = [];
  const tell = (number: number) => {
    for (const { names, handler } of listeners.toReversed()) {
      const name = names.find((one) => constants.signals[one] === number);
      if (name !== undefined) return handler(name);
    }
  };
  client.onSignal = (number) => {
    if (listeners.length === 0) early.push(number);
    else tell(number);
  };
  return (names, handler) => {
    const own = { names, handler };
    listeners.push(own);
    for (const number of early.splice(0)) tell(number);
    return {
      [Symbol.dispose]() {
        if (listeners.includes(own)) listeners.splice(listeners.indexOf(own), 1);
      },
    };
  };
}
