/**
 * `npm run docs`: writes what is made from the source: the table of commands and docs/reference. With --check nothing is
 * written, and whatever is not as it would be written is an error.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { commandTableSource, loadCommands } from './command-table.js';
import { escapePage } from './escape-table.js';
import { cliReference, errorReference, flagSnapshot, specReference } from './reference.js';
import { seccompReference } from './seccomp-reference.js';

/** Path → content of everything that is generated. */
export async function generate(): Promise<ReadonlyMap<string, string>> {
  const commands = await loadCommands();
  return new Map([
    ['src/commands/index.ts', commandTableSource(commands)],
    ['docs/reference/cli.md', cliReference(commands)],
    ['docs/reference/errors.md', errorReference()],
    ['docs/reference/seccomp.md', seccompReference()],
    ['docs/reference/spec.md', specReference()],
    ['docs/internals/escape-tests.md', escapePage()],
    ['test/golden/flags.json', `${JSON.stringify(flagSnapshot(commands), undefined, 2)}\n`],
  ]);
}

/** @returns the files that are not up to date */
export function outdated(files: ReadonlyMap<string, string>): string[] {
  return [...files]
    .filter(([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content)
    .map(([path]) => path);
}

async function main(isCheck: boolean): Promise<void> {
  const files = await generate();
  const stale = outdated(files);
  for (const path of stale) {
    if (isCheck) console.error(`${path} is not up to date: run "npm run docs"`);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, files.get(path) ?? '');
      console.log(`wrote ${path}`);
    }
  }
  process.exit(isCheck && stale.length > 0 ? 1 : 0);
}

if (process.argv[1]?.endsWith('generate-docs.ts')) await main(process.argv.includes('--check'));
