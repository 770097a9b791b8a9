/** Running the programs that a release is made with. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

/** The project's directory. */
export const root = resolve(import.meta.dirname, '../..');

export function fail(message: string, hint: string): never {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(5);
}

/** What the program prints; its messages are shown. */
export function run(program: string, args: readonly string[], cwd: string = root): string {
  const { error, status, stdout } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined || status !== 0) {
    fail(`"${program} ${args.join(' ')}" failed (${error?.message ?? `status ${status}`})`, 'Read the messages above.');
  }
  return stdout;
}
