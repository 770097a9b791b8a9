/** How many system calls a command makes with all that it starts: `strace -c -f`. Of a daemon's client, the client's only. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { background, type Command, findProgram, run, until } from './command.js';
import { processes } from './processes.js';

function readTotal(file: string): number | undefined {
  if (!existsSync(file)) return undefined;
  const [total = ''] = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-1);
  // % time, seconds, usecs/call, calls, (errors,) total
  const calls = Number(total.trim().split(/\s+/)[3]);
  return total.endsWith('total') && Number.isInteger(calls) ? calls : undefined;
}

/** `release` ends what stays behind the command (a monitor): until then strace stays, too, and does not say its sums. */
export async function countCalls(
  { argv, env = {} }: Command,
  release: () => Promise<unknown> = async () => {},
): Promise<number | undefined> {
  if (findProgram('strace') === undefined) return undefined;
  const directory = mkdtempSync('/var/tmp/tszone-bench-calls-');
  try {
    const file = join(directory, 'summary');
    const strace = background({ argv: ['strace', '-c', '-f', '-o', file, ...argv], env });
    strace.ref();
    const ended = once(strace, 'exit');
    const started = Date.now();
    // Only the command itself is strace's child.
    const isOver = () => strace.exitCode !== null || processes().every(({ parent }) => parent !== strace.pid);
    await until('the command ends under strace', () => Date.now() - started > 100 && isOver(), 60);
    if (strace.exitCode === null) await release();
    // It takes no milder signal; what it looks at runs on.
    const patience = setTimeout(() => strace.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(patience);
    return readTotal(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The whole text, for people. */
export async function traceText({ argv, env = {} }: Command): Promise<string> {
  const directory = mkdtempSync('/var/tmp/tszone-bench-calls-');
  try {
    const file = join(directory, 'trace');
    await run({ argv: ['strace', '-f', '-o', file, ...argv], env });
    return readFileSync(file, 'utf8');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
