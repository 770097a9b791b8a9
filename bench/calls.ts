/** How many system calls a command makes with all that it starts: `strace -c -f`. Of a daemon's client, the client's only. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, findProgram, run } from './command.js';

export async function countCalls({ argv, env = {} }: Command): Promise<number | undefined> {
  if (findProgram('strace') === undefined) return undefined;
  const directory = mkdtempSync('/var/tmp/tszone-bench-calls-');
  try {
    const file = join(directory, 'summary');
    await run({ argv: ['strace', '-c', '-f', '-o', file, ...argv], env });
    const [total = ''] = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-1);
    // % time, seconds, usecs/call, calls, (errors,) total
    const calls = Number(total.trim().split(/\s+/)[3]);
    return total.endsWith('total') && Number.isInteger(calls) ? calls : undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
