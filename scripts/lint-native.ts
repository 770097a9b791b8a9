/**
 * Lint of the C sources: no file over 400 lines; every constant of compat.h compared with the kernel's headers in
 * test/headers.c; formatted as .clang-format says, where clang-format is installed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const maxLines = 400;
const files = [
  'native',
  'native/test',
  'native/fuzz',
  'native/sanitize',
  'native/sanitize/test',
  'bench',
  'test/escape/programs',
].flatMap((directory) =>
  readdirSync(directory)
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => join(directory, name)),
);
const problems = files.flatMap((file) => {
  const lines = readFileSync(file, 'utf8').split('\n').length - 1;
  return lines > maxLines ? [`${file}: ${lines} lines, at most ${maxLines}`] : [];
});
const compared = readFileSync('native/test/headers.c', 'utf8');
for (const [, name = ''] of readFileSync('native/compat.h', 'utf8').matchAll(/#define (TZ_\w+)/g)) {
  if (!compared.includes(`SAME(${name},`)) problems.push(`native/compat.h: ${name} is not in native/test/headers.c`);
}
for (const problem of problems) console.error(problem);

const isInstalled = spawnSync('clang-format', ['--version'], { stdio: 'ignore' }).error === undefined;
const formatted =
  !isInstalled || spawnSync('clang-format', ['--dry-run', '--Werror', ...files], { stdio: 'inherit' }).status === 0;
process.exit(problems.length > 0 || !formatted ? 1 : 0);
