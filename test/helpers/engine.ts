/** An engine for a test: `tszone engine` on a host's roots, from the socket's first moment to its end. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entry, type RunningCli, startProgram } from './cli.js';
import { eventually } from './patience.js';

interface Roots {
  readonly runRoot: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface TestEngine extends AsyncDisposable {
  readonly process: RunningCli;
  readonly pid: number;
}

export async function startEngine({ runRoot, env }: Roots, args: readonly string[] = []): Promise<TestEngine> {
  const running = startProgram(process.execPath, [entry, 'engine', ...args], { env });
  const record = join(runRoot, 'engine.json');
  // One that was killed has left its record.
  const isThere = () => existsSync(record) && readFileSync(record, 'utf8').includes(`"pid":${running.pid},`);
  await eventually('the engine listens', () => isThere() || running.process.exitCode !== null);
  if (running.process.exitCode !== null) throw new Error(`the engine ended: ${running.stderr()}`);
  return {
    process: running,
    pid: running.pid,
    async [Symbol.asyncDispose]() {
      running.process.kill('SIGTERM');
      await running.ended;
    },
  };
}
