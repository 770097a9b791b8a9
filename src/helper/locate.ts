/**
 * Where the native programs are: compiled in the package's own tree (development, or a platform that no package is made
 * for), else in the platform package. Works from src (tsx), from dist and from one bundled file inside the package.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zoneError } from '../errors/index.js';
import { type NativeProgram, platformPackages, platformProgram } from './platform-package.js';

const found = new Map<NativeProgram, string>();

/** Absolute path of the host-side helper. @throws HOST_HELPER_MISSING */
export function helperPath(): string {
  return nativeProgram('tszone-helper');
}

/** Absolute path of the tiny init, a static program that a plan brings into a zone as a slot. @throws HOST_HELPER_MISSING */
export function initPath(): string {
  return nativeProgram('tszone-init');
}

function nativeProgram(name: NativeProgram): string {
  const path = found.get(name) ?? locateNativeProgram(name, fileURLToPath(import.meta.url));
  found.set(name, path);
  return path;
}

/** The program as the module at the path `from` finds it. @throws HOST_HELPER_MISSING */
export function locateNativeProgram(name: NativeProgram, from: string): string {
  const path = builtProgram(name, from) ?? platformProgram(name, from);
  if (path !== undefined) return path;
  const platform = platformPackages[process.arch];
  const build =
    'run "npm run build:native" in the package directory; it needs a C compiler and make (apt-get install gcc make libc6-dev)';
  throw zoneError('HOST_HELPER_MISSING', `the native program "${name}" is neither built nor installed`, {
    hint:
      platform === undefined
        ? `R${build.slice(1)}.`
        : `Install tszone with its optional package "${platform}" (npm install --include=optional), or ${build}.`,
    context: { name, searchedFrom: dirname(from), platformPackage: platform ?? null },
  });
}

/** Not looked for above the package: what is there is another's. */
function builtProgram(name: NativeProgram, from: string): string | undefined {
  for (let directory = dirname(from); ; directory = dirname(directory)) {
    const path = join(directory, 'native', 'build', name);
    if (existsSync(path)) return path;
    if (existsSync(join(directory, 'package.json')) || directory === dirname(directory)) return undefined;
  }
}
