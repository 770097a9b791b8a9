/** One process of a step of `npm test`, to its end. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface StepOptions {
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
  /** Its output is shown as it comes, and not kept. */
  readonly isLive: boolean;
  /** How long its output may go on when it has ended itself. */
  readonly patienceMs: number;
  /** It is killed then. */
  readonly timeoutMs: number;
}

export interface Ended {
  /** `null`: by a signal, or it could not be started. */
  readonly status: number | null;
  readonly output: string;
  /** What is wrong besides its status. */
  readonly problem?: string;
}

/** Never rejects: what cannot be run is a problem. */
export function runStep(argv: readonly string[], options: StepOptions): Promise<Ended> {
  const [program = '', ...args] = argv;
  const { isLive, patienceMs, timeoutMs, ...rest } = options;
  const child: ChildProcess = spawn(program, args, { ...rest, stdio: isLive ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  let output = '';
  for (const stream of streams)
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  return new Promise((resolve) => {
    let problem: string | undefined;
    const late = setTimeout(() => {
      problem = `it had not ended after ${Math.round(timeoutMs / 1000)} s and was killed`;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (status: number | null) => {
      clearTimeout(late);
      resolve({ status, output, ...(problem === undefined ? {} : { problem }) });
    };
    child.once('error', (error) => {
      problem = String(error);
      end(null);
    });
    child.once('exit', (status) => {
      // Who was left behind with its stdout may live for ever.
      const giveUp = () => {
        problem ??= 'a process that it left behind holds its output';
        for (const stream of streams) stream.destroy();
        end(status);
      };
      // In the next turn: what has come while this process stood still is read first.
      const held = setTimeout(() => setImmediate(giveUp), patienceMs);
      child.once('close', () => {
        clearTimeout(held);
        end(status);
      });
    });
  });
}
