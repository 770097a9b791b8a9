/** Compiles the native programs for one architecture, from nothing, static. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type NativeProgram, nativePrograms } from '../../src/helper/platform-package.js';
import { fail, run } from './run.js';

interface Compiler {
  readonly program: string;
  readonly debianPackages: string;
  readonly makeArguments: readonly string[];
}

const triples: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const debianNames: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** musl for the machine's own architecture, as its monitors are smaller; Debian has no musl to cross-compile with. */
function compilerFor(cpu: string): Compiler {
  if (cpu === process.arch) return { program: 'musl-gcc', debianPackages: 'musl-tools', makeArguments: [] };
  const triple = triples[cpu] ?? cpu;
  return {
    program: `${triple}-gcc`,
    debianPackages: `gcc-${triple.replace('_', '-')} libc6-dev-${debianNames[cpu] ?? cpu}-cross`,
    makeArguments: [`CROSS=${triple}-`],
  };
}

/** Name → path of what was compiled into `directory`. */
export function compileFor(cpu: string, directory: string): ReadonlyMap<NativeProgram, string> {
  const { program, debianPackages, makeArguments } = compilerFor(cpu);
  for (const [needed, from] of [
    ['make', 'make'],
    [program, debianPackages],
  ] as const) {
    if (spawnSync(needed, ['--version'], { stdio: 'ignore' }).error !== undefined) {
      fail(`compiling for ${cpu} needs "${needed}"`, `Run "apt-get install -y ${from}".`);
    }
  }
  run('make', ['-s', '-C', 'native', ...makeArguments, `BUILD=${directory}`]);
  const made = nativePrograms.map((name) => [name, join(directory, name)] as const);
  return new Map(made.filter(([, path]) => existsSync(path)));
}
