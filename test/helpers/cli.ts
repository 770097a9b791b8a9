/**
 * Runs the command line as users do, in a process of its own: `node bin/tszone.js …`, or with TSZONE_TEST_VIA=native the installed
 * program, native/build/tszone; with TSZONE_TEST_VIA=warm the same, and an engine for each host.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { eventually } from './patience.js';

/** TSZONE_TEST_ENTRY: another build. */
export const entry = process.env.TSZONE_TEST_ENTRY ?? fileURLToPath(new URL('../../bin/tszone.js', import.meta.url));

export const nativeEntry = fileURLToPath(new URL('../../native/build/tszone', import.meta.url));

/** What users call `tszone`, as words. */
export const program: readonly [string, ...string[]] =
  process.env.TSZONE_TEST_VIA === undefined ? [process.execPath, entry] : [nativeEntry];

/** With an engine beside it. */
export const isWarm = process.env.TSZONE_TEST_VIA === 'warm';

export interface CliOptions {
  /** For stdin, which is then closed; nothing: /dev/null. */
  readonly input?: string | Buffer | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface CliResult {
  /** 128+n for signal n. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that is running. */
export interface RunningCli {
  readonly process: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Until stdout contains it. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<CliResult>;
}

/** As a user's shell has it, without what would make each start slower or different. */
export function cleanEnv(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, ...rest } = process.env;
  return { ...rest, NO_COLOR: '1', ...env };
}

export function startProgram(path: string, args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(path, args, {
    env: cleanEnv(options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.stderr += chunk;
  });
  child.stdin?.on('error', () => {});
  if (options.input !== undefined) child.stdin?.end(options.input);
  return {
    process: child,
    pid: child.pid ?? -1,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    seen: (pattern) =>
      eventually(`output matches ${pattern}`, () => pattern.exec(text.stdout) ?? undefined).catch((error: unknown) => {
        throw new Error(`${String(error)}; stdout: ${text.stdout}; stderr: ${text.stderr}`);
      }),
    ended: waitFor(child, text),
  };
}

async function waitFor(child: ChildProcess, text: { stdout: string; stderr: string }): Promise<CliResult> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { status: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), ...text };
}

export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const [first, ...words] = program;
  return startProgram(first, [...words, ...args], options);
}

export function runProgram(path: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startProgram(path, args, options).ended;
}

/** stdout of a program that has to succeed. */
export async function outputOf(path: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runProgram(path, args);
  if (status !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout;
}
