/** A command line on a terminal of its own: script(1) makes the pty, stty(1) gives it its size. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cleanEnv, outputOf, program } from './cli.js';
import { eventually } from './patience.js';
import type { TempHost } from './temp-host.js';

export interface Terminal {
  /** Everything shown so far. */
  shown(): string;
  type(text: string): void;
  seen(pattern: RegExp): Promise<RegExpExecArray>;
  resize(rows: number, columns: number): Promise<void>;
  /** The command's exit status. */
  readonly ended: Promise<number>;
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

export async function onTerminal(
  host: TempHost,
  args: readonly string[],
  rows = 33,
  columns = 101,
  via = program,
): Promise<Terminal> {
  const words = [...via, ...args].map(quote).join(' ');
  // Ctrl-C is the command's alone.
  const line = `trap : INT; echo "[terminal $(tty)]"; stty rows ${rows} cols ${columns}; ${words}; echo "[status $?]"`;
  const child: ChildProcess = spawn('script', ['-qfec', line, '/dev/null'], {
    env: { ...cleanEnv(host.env), SHELL: '/bin/sh', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const closed = once(child, 'close');
  const seen = (pattern: RegExp) =>
    eventually(`the terminal shows ${pattern}`, () => pattern.exec(text) ?? undefined).catch((error: unknown) => {
      throw new Error(`${String(error)}; it shows: ${JSON.stringify(text)}`);
    });
  let ended: Promise<number> | undefined;
  const end = async () => {
    const status = Number((await seen(/\[status (\d+)\]/))[1]);
    child.stdin?.end();
    await closed;
    return status;
  };
  const device = (await seen(/\[terminal (\S+)\]/))[1] ?? '';
  return {
    shown: () => text,
    type: (typed) => void child.stdin?.write(typed),
    seen,
    resize: async (newRows, newColumns) => {
      await outputOf('stty', ['-F', device, 'rows', String(newRows), 'cols', String(newColumns)]);
    },
    // From when it is asked for: what a test does before may take its time, and may fail.
    get ended() {
      ended ??= end();
      return ended;
    },
  };
}
