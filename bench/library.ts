/** `exec` by the library, in a process that stays: library.ts ROOT RUN_ROOT ZONE ROUNDS WARMUP PAUSE_MS prints milliseconds. */
import { openHost } from '../src/index.js';
import { sleep } from './command.js';

const [root = '', runRoot = '', name = '', ...numbers] = process.argv.slice(2);
const [rounds = 1, warmup = 0, pauseMs = 0] = numbers.map(Number);
const host = await openHost({ root, runRoot });
const zone = await host.zone(name);
for (let round = -warmup; round < rounds; round += 1) {
  await sleep(pauseMs);
  const startedAt = performance.now();
  const { exitCode } = await zone.exec(['/bin/true']);
  if (exitCode !== 0) throw new Error(`exec: status ${exitCode}`);
  if (round >= 0) console.log(performance.now() - startedAt);
}
