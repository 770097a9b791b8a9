/** Hands a plan to timer.c, which runs the commands in interleaved rounds, and reads what each took. */
import { spawn } from 'node:child_process';
import { baseEnvironment, type Command, findProgram } from './command.js';
import type { Place } from './place.js';

export interface Step {
  /** `with`: together with those of the same label that follow. `attach`: to the first byte on a terminal. */
  readonly kind: 'timed' | 'untimed' | 'with' | 'attach';
  readonly label: string;
  readonly command: Command;
  /** Detach from what was attached. */
  readonly keys?: string;
}

export const timed = (label: string, command: Command): Step => ({ kind: 'timed', label, command });
export const untimed = (command: Command): Step => ({ kind: 'untimed', label: command.argv[0] ?? '', command });

export interface Pace {
  readonly rounds: number;
  readonly warmup: number;
  readonly pauseMs: number;
}

const kinds = { timed: 't', untimed: 'u', with: 'p', attach: 'a' };

function encode(groups: readonly (readonly Step[])[]): string {
  const tokens = groups.flatMap((steps, group) =>
    steps.flatMap(({ kind, label, command: { argv, env = {}, status = 0 }, keys }) => {
      const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const expected = keys ?? (status === 'any' ? '-' : String(status));
      // Absolute: no contender pays for a search.
      const [program = '', ...args] = argv;
      const words = [findProgram(program) ?? program, ...args];
      return [kinds[kind], group, label, expected, assignments.length, ...assignments, words.length, ...words];
    }),
  );
  return tokens.map((token) => `${token}\0`).join('');
}

/** Of the command and of all that was waited for in it: nothing of a daemon's. */
export const cpuOf = (label: string): string => `${label} (CPU)`;

/**
 * Milliseconds by label, and CPU time by `cpuOf` it, in the order of the rounds. The steps of a group stay together; each round begins with another group.
 *
 * @throws with what the command said, if one does not exit as it has to
 */
export async function measure(
  place: Place,
  groups: readonly (readonly Step[])[],
  { rounds, warmup, pauseMs }: Pace,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const samples = new Map<string, number[]>();
  place.ended.signal.throwIfAborted();
  if (groups.length === 0) return samples;
  const args = [rounds, warmup, pauseMs].map(String);
  const child = spawn(place.programs.timer, args, { env: baseEnvironment, detached: true });
  // With what it has just started, which is of its group.
  const kill = () => void (child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'));
  place.ended.signal.addEventListener('abort', kill);
  child.stdin.end(encode(groups));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  place.ended.signal.removeEventListener('abort', kill);
  place.ended.signal.throwIfAborted();
  if (code !== 0) throw new Error(`timer: ${stderr}`);
  for (const line of stdout.trimEnd().split('\n')) {
    const [, label = '', taken, cpu] = line.split('\t');
    const add = (name: string, nanoseconds: string | undefined) =>
      samples.set(name, [...(samples.get(name) ?? []), Number(nanoseconds) / 1e6]);
    add(label, taken);
    add(cpuOf(label), cpu);
  }
  return samples;
}
