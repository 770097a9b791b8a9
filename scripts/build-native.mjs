#!/usr/bin/env node
// Builds the native helper (npm's postinstall and `npm run build:native`). Plain JavaScript without dependencies:
// it also runs where tszone was installed from a packed tarball.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const packages = { make: 'make', compiler: 'gcc' };

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(5);
}

const missing = [
  ...(has('make') ? [] : [packages.make]),
  ...(has('musl-gcc') || has('gcc') || has('cc') ? [] : [packages.compiler]),
];
if (process.platform !== 'linux') fail('tszone needs Linux', 'Install it on a Linux machine.');
if (missing.length > 0) {
  fail(
    `building the native helper needs "${missing.join('" and "')}", which this machine lacks`,
    'Run "apt-get install -y gcc make musl-tools" (musl-tools makes the helper smaller), then "npm run build:native".',
  );
}
if (!existsSync(join(native, 'Makefile'))) fail(`"${native}" has no Makefile`, 'Install the package again.');
const made = spawnSync('make', ['-s', '-C', native, ...process.argv.slice(2)], { stdio: 'inherit' });
if (made.status !== 0) {
  fail(
    'the native helper did not compile',
    'Read the messages above; missing headers are in the packages "libc6-dev" and "linux-libc-dev".',
  );
}
