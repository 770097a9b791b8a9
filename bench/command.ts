/** A command that is started as a user would: argv, and what its environment has on top of the bench's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it has to exit with; 0 if not given. */
  readonly status?: number | 'any';
}

const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The whole environment of all that is measured: nothing of the caller's own, and so no NODE_EXTRA_CA_CERTS. */
export const baseEnvironment: Readonly<Record<string, string>> = {
  PATH: directories.join(':'),
  HOME: '/root',
  LANG: 'C.UTF-8',
  TERM: 'xterm',
};

/** Its absolute path; of one that has a path already, that. */
export function findProgram(name: string): string | undefined {
  const paths = name.includes('/') ? [name] : directories.map((directory) => join(directory, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function start({ argv: [program = '', ...args], env }: Command, stdio: 'ignore' | 'pipe'): ChildProcess {
  // A group of its own: Ctrl-C is the bench's to handle, else what cleans up would be killed, too.
  return spawn(program, args, {
    env: { ...baseEnvironment, ...env },
    stdio: ['ignore', stdio, stdio],
    detached: true,
  });
}

/** Aborted when the bench is to end early. What is left to be done then is to clean up. */
export const ended = new AbortController();

/** Asked first, so that it can leave nothing half-done; with what it has started, which is of its group. */
function end({ pid }: ChildProcess): void {
  const kill = (signal: NodeJS.Signals) => {
    try {
      if (pid !== undefined) process.kill(-pid, signal);
    } catch {
      // There is nobody left in it.
    }
  };
  kill('SIGTERM');
  setTimeout(kill, 5_000, 'SIGKILL').unref();
}

/**
 * Runs a command whose time does not matter, to its end, whatever comes: it may be one that cleans up. What stays behind it (a monitor) may
 * hold its output open.
 */
export const run = (command: Command): Promise<Outcome> => runUntil(command, undefined);

/** To its end, or until the signal comes: then it ends early. */
export function runUntil(command: Command, signal: AbortSignal | undefined): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = start(command, 'pipe');
    const kill = () => end(child);
    signal?.addEventListener('abort', kill);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      signal?.removeEventListener('abort', kill);
      // What it has written is in the pipe by now.
      setImmediate(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ status: code ?? (killedBy === null ? 0 : 128), stdout, stderr });
      });
    });
  });
}

/** A part of what is measured. @throws with what it said, if it does not exit as it has to, and the reason for which the bench ends early */
export async function mustRun(command: Command): Promise<string> {
  ended.signal.throwIfAborted();
  const { status, stdout, stderr } = await runUntil(command, ended.signal);
  ended.signal.throwIfAborted();
  const expected = command.status ?? 0;
  if (expected !== 'any' && status !== expected)
    throw new Error(`${command.argv.join(' ')}: status ${status}\n${stderr}${stdout}`);
  return stdout;
}

/** For a command that stays: a daemon, or a container in the foreground. */
export function background(command: Command): ChildProcess {
  const child = start(command, 'ignore');
  child.unref();
  return child;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** @throws after so many seconds */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20)) {
    if (await isTrue()) return;
  }
  throw new Error(`${what}: not after ${seconds} s`);
}
