/** Programs of the host that do what we do not (mmdebstrap, xz, dpkg-deb): the only place that starts them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { zoneError } from '../errors/index.js';

export interface ToolCall {
  /** A name to be found in the PATH, or an absolute path. */
  readonly tool: string;
  readonly args: readonly string[];
  /** Debian's package that has it, for the hint. */
  readonly package: string;
  /** No limit if not given. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** On top of PATH, HOME and a neutral locale. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Killed with this process, also when that is killed itself. */
  readonly dieWithParent?: boolean | undefined;
  /** How it is asked to end; SIGTERM if not given. */
  readonly stopSignal?: 'SIGTERM' | 'SIGINT' | undefined;
  /** Its input ends with `commit` alone: if we or whoever writes to it are gone before, its next read fails. */
  readonly commits?: boolean | undefined;
  /** With `commits`: its last argument is known only later, and is the first line of its input. Nothing of it runs before. */
  readonly lastArgumentComes?: boolean | undefined;
  /** Each line of stderr as it comes. */
  readonly onMessage?: ((line: string) => void) | undefined;
}

export interface HostTool {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Ends with the tool. Rejects with HOST_TOOL_FAILED, WAIT_TIMEOUT or the signal's reason. */
  readonly done: Promise<void>;
  /** With `commits`: all has been written. */
  commit(): Promise<void>;
}

const neutralPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const keptLines = 20;
const killAfterMs = 5000;

/** Absolute path of a program, or `undefined`. The sbin directories are always looked at. */
export function findTool(name: string): string | undefined {
  const directories = name.startsWith('/') ? [''] : `${process.env.PATH ?? ''}:${neutralPath}`.split(':');
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path.startsWith('/');
  } catch {
    return false;
  }
}

/** Its path. @throws HOST_TOOL_MISSING with the package to install */
export function requireTool(wanted: Pick<ToolCall, 'tool' | 'package'>): string {
  const path = findTool(wanted.tool);
  if (path !== undefined) return path;
  throw zoneError('HOST_TOOL_MISSING', `the program "${wanted.tool}" is not installed`, {
    hint: `Run "apt-get install ${wanted.package}".`,
    context: { tool: wanted.tool, package: wanted.package },
  });
}

/**
 * Starts a tool and hands out its streams; stderr is kept for the error.
 *
 * @throws HOST_TOOL_MISSING with the package to install
 */
export function spawnTool(call: ToolCall): HostTool {
  call.signal?.throwIfAborted();
  const [program, args] = withParent(requireTool(call), call);
  const env = { PATH: neutralPath, HOME: '/root', LC_ALL: 'C.UTF-8', ...call.env };
  const child = spawn(program, args, { env, cwd: call.cwd ?? '/' });
  // A tool that ends before it has read everything is judged by its status, not by our broken pipe.
  child.stdin.on('error', () => undefined);
  const commit = () => endInput(child.stdin);
  return { stdin: child.stdin, stdout: child.stdout, done: settled(child, call), commit };
}

/** Runs a tool to its end. @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED, WAIT_TIMEOUT */
export async function runTool(
  call: ToolCall & { readonly input?: string | Buffer | undefined },
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const messages: string[] = [];
  const onMessage = (line: string) => {
    messages.push(line);
    call.onMessage?.(line);
  };
  const tool = spawnTool({ ...call, onMessage });
  tool.stdin.end(call.input);
  const chunks: Buffer[] = [];
  tool.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await tool.done;
  return { stdout: Buffer.concat(chunks).toString('utf8'), stderr: messages.join('\n') };
}

function withParent(path: string, call: ToolCall): [string, string[]] {
  const first = call.commits !== true ? [] : call.lastArgumentComes === true ? readArgument : leaveWord;
  const words = [...first, path, ...call.args];
  const setpriv = call.dieWithParent === true ? findTool('setpriv') : undefined;
  const [program = path, ...args] = setpriv === undefined ? words : [setpriv, ...deathSignal(call), '--', ...words];
  return [program, args];
}

const deathSignal = ({ stopSignal = 'SIGTERM' }: ToolCall) => ['--pdeathsig', stopSignal.slice(3)];

/**
 * Node's pipes are pairs of sockets. One that is closed with something unread in it makes the other end's read fail (ECONNRESET,
 * unix_release_sock); without, that end sees the end of its input. So the tool's end leaves a word that nobody reads before `commit`.
 */
const leaveWord = ['/bin/sh', '-c', 'echo word >&0; exec "$0" "$@"'];

/** The shell reads such a line byte by byte, and nothing behind it. */
const readArgument = ['/bin/sh', '-c', 'IFS= read -r last && echo word >&0 && exec "$0" "$@" "$last"'];

/** By a process that shares the socket: node has no way to read what it has for writing. */
async function endInput(stdin: Writable): Promise<void> {
  const reader = spawn('/bin/sh', ['-c', 'read -r word'], { stdio: [stdin, 'ignore', 'ignore'], env: {} });
  await once(reader, 'close');
  stdin.end();
}

async function settled(child: ChildProcessWithoutNullStreams, call: ToolCall): Promise<void> {
  const last = keepLines(child.stderr, call.onMessage);
  const abort = () => stop(child, call.stopSignal);
  // Said by the timer itself: it may fire up to a millisecond before a clock says so.
  let isLate = false;
  const expire = () => {
    isLate = true;
    abort();
  };
  const timer = call.timeoutMs === undefined ? undefined : setTimeout(expire, call.timeoutMs);
  call.signal?.addEventListener('abort', abort, { once: true });
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    call.signal?.throwIfAborted();
    if (code === 0) return;
    if (isLate) throw timedOut(call);
    throw failed(call, code ?? signal ?? 'unknown', last);
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', abort);
  }
}

/** Asks first: such tools clean up after themselves. */
function stop(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals = 'SIGTERM'): void {
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  child.once('close', () => clearTimeout(timer));
}

function keepLines(stream: Readable, onMessage: ToolCall['onMessage']): string[] {
  const last: string[] = [];
  let rest = '';
  const take = (line: string) => {
    if (line.trim() === '') return;
    last.push(line);
    if (last.length > keptLines) last.shift();
    onMessage?.(line);
  };
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = (lines.pop() ?? '').slice(-4096);
    for (const line of lines) take(line);
  });
  stream.on('end', () => take(rest));
  return last;
}

function failed(call: ToolCall, status: number | string, lines: readonly string[]): Error {
  // apt's family says the cause first, and then who failed because of it.
  const reason =
    lines.find((line) => line.startsWith('E: ')) ??
    lines.findLast((line) => /error|fail|cannot/i.test(line)) ??
    lines.at(-1);
  return zoneError('HOST_TOOL_FAILED', `"${call.tool}" failed${reason === undefined ? '' : `: ${reason.trim()}`}`, {
    hint: `See what it said (context.stderr, -o json), or run it by hand: ${call.tool} ${call.args.join(' ')}`,
    context: { tool: call.tool, args: call.args, status, stderr: lines.join('\n') },
  });
}

function timedOut(call: ToolCall): Error {
  return zoneError('WAIT_TIMEOUT', `"${call.tool}" did not end in ${call.timeoutMs} ms`, {
    hint: 'Repeat the command, with a longer --timeout.',
    context: { tool: call.tool, timeoutMs: call.timeoutMs },
  });
}
