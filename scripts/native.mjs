// What npm's postinstall and `npm run build:native` share: compiling, and `bin/tszone`. Plain JavaScript without
// dependencies: it also runs where tszone was installed from a packed tarball.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { writeCommand } from './snapshot.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const native = join(root, 'native');
const packages = { make: 'make', compiler: 'gcc' };

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

export function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(5);
}

/** Compiles the native programs. `instead` is the other way to get them, where there is one: {why, how}. */
export function compileNative(makeArguments, instead) {
  const missing = [
    ...(has('make') ? [] : [packages.make]),
    ...(has('musl-gcc') || has('gcc') || has('cc') ? [] : [packages.compiler]),
  ];
  if (process.platform !== 'linux') fail('tszone needs Linux', 'Install it on a Linux machine.');
  if (missing.length > 0) {
    const lack = `building the native helper needs "${missing.join('" and "')}", which this machine lacks`;
    const fetch = '"apt-get install -y gcc make musl-tools" (musl-tools makes the helper smaller)';
    if (instead === undefined) fail(lack, `Run ${fetch}, then "npm run build:native".`);
    fail(`${instead.why}, and ${lack}`, `${instead.how}. Or run ${fetch} and install again.`);
  }
  if (!existsSync(join(native, 'Makefile'))) fail(`"${native}" has no Makefile`, 'Install the package again.');
  const made = spawnSync('make', ['-s', '-C', native, ...makeArguments], { stdio: 'inherit' });
  if (made.status !== 0) {
    fail(
      'the native helper did not compile',
      'Read the messages above; missing headers are in the packages "libc6-dev" and "linux-libc-dev".',
    );
  }
}

/** Makes `bin/tszone`: the native entry at `program`, or else the JavaScript one. */
export function placeEntry(program = builtEntry()) {
  const entry = join(root, 'bin', 'tszone');
  const fresh = `${entry}.new`;
  rmSync(fresh, { force: true });
  if (program === undefined) copyFileSync(join(root, 'bin', 'tszone.js'), fresh);
  else {
    linkOrCopy(program, fresh);
    writeCommand();
  }
  chmodSync(fresh, 0o755);
  renameSync(fresh, entry);
  // Renaming a link over another of the same file does nothing.
  rmSync(fresh, { force: true });
}

function builtEntry() {
  const program = join(native, 'build', 'tszone');
  return existsSync(program) ? program : undefined;
}

function linkOrCopy(from, to) {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
