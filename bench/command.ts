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

/** Runs a command whose time does not matter. What stays behind it (a monitor) may hold its output open. */
export function run(command: Command): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = start(command, 'pipe');
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      // What it has written is in the pipe by now.
      setImmediate(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ status: code ?? (signal === null ? 0 : 128), stdout, stderr });
      });
    });
  });
}

/** @throws with what it said, if it does not exit as it has to */
export async function mustRun(command: Command): Promise<string> {
  const { status, stdout, stderr } = await run(command);
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
