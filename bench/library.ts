/**
 * `exec` by the library, in a process that stays, and by turns node's own spawn of the same program, outside:
 * library.ts ROOT RUN_ROOT ZONE PROGRAM ROUNDS WARMUP PAUSE_MS prints milliseconds of both, a line each round.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openHost } from '../src/index.js';
import { sleep } from './command.js';

const [root = '', runRoot = '', name = '', program = '', ...numbers] = process.argv.slice(2);
const [rounds = 1, warmup = 0, pauseMs = 0] = numbers.map(Number);
const host = await openHost({ root, runRoot });
const zone = await host.zone(name);

async function time(work: () => Promise<number | null>): Promise<number> {
  await sleep(pauseMs);
  const startedAt = performance.now();
  const status = await work();
  if (status !== 0) throw new Error(`status ${status}`);
  return performance.now() - startedAt;
}

const exec = () => time(async () => (await zone.exec(['/bin/true'])).exitCode);
/** With its output, as exec has it. */
const plain = () =>
  time(async () => {
    const child = spawn(program, [], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.resume();
    const [status] = (await once(child, 'close')) as [number | null];
    return status;
  });

for (let round = -warmup; round < rounds; round += 1) {
  const both = [await exec(), await plain()];
  if (round >= 0) console.log(both.join(' '));
}
