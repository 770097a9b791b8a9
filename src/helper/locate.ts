/** Where the native programs are. Works from src (tsx), from dist and from one bundled file inside the package. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zoneError } from '../errors/index.js';

const found = new Map<string, string>();

/** Absolute path of the host-side helper. @throws HOST_HELPER_MISSING */
export function helperPath(): string {
  return nativeProgram('tszone-helper');
}

/** Absolute path of the tiny init, a static program that a plan brings into a zone as a slot. @throws HOST_HELPER_MISSING */
export function initPath(): string {
  return nativeProgram('tszone-init');
}

function nativeProgram(name: string): string {
  const known = found.get(name);
  if (known !== undefined) return known;
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    const path = join(directory, 'native', 'build', name);
    if (existsSync(path)) {
      found.set(name, path);
      return path;
    }
    if (directory === dirname(directory)) break;
  }
  throw zoneError('HOST_HELPER_MISSING', `the native program "${name}" has not been built`, {
    hint: 'Run "npm run build:native" in the package directory; it needs a C compiler and make (apt-get install gcc make libc6-dev).',
    context: { name, searchedFrom: start },
  });
}
