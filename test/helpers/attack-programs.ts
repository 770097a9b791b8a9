/** The small C programs of test/escape/programs, compiled once a run: static, so that they run in any zone. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const sources = fileURLToPath(new URL('../escape/programs', import.meta.url));
const compiled = new Map<string, Promise<string>>();
let directory: string | undefined;

/** Where they are compiled to: to be mounted into a zone. */
export function attackDirectory(): string {
  if (directory === undefined) {
    directory = mkdtempSync(join(tmpdir(), 'tszone-attack-'));
    process.once('exit', () => rmSync(directory ?? '', { recursive: true, force: true }));
  }
  return directory;
}

/** Path of the program on the host. */
export function attackProgram(name: string, flags: readonly string[] = ['-static']): Promise<string> {
  const made = compiled.get(name) ?? compile(name, flags);
  compiled.set(name, made);
  return made;
}

/** Mount for a spec: the programs below /attack. */
export async function attackMount(...names: string[]): Promise<string> {
  await Promise.all(names.map((name) => attackProgram(name)));
  return `${attackDirectory()}:/attack:ro`;
}

async function compile(name: string, flags: readonly string[]): Promise<string> {
  const path = join(attackDirectory(), name);
  mkdirSync(attackDirectory(), { recursive: true });
  const source = join(sources, `${name}.c`);
  const strict = ['-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'];
  await promisify(execFile)('gcc', [...strict, ...flags, '-o', path, source]);
  return path;
}
