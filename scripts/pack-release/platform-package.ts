/** The directory that a platform package's tarball is packed from. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NativeProgram } from '../../src/helper/platform-package.js';
import { copyPlain } from './copy.js';

import { root } from './run.js';

export function stagePlatformPackage(
  manifest: Record<string, unknown>,
  programs: ReadonlyMap<NativeProgram, string>,
  directory: string,
): void {
  mkdirSync(join(directory, 'bin'), { recursive: true });
  for (const [name, path] of programs) copyPlain(path, join(directory, 'bin', name));
  copyPlain(join(root, 'LICENSE'), join(directory, 'LICENSE'));
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(directory, 'README.md'), `# ${String(manifest.name)}\n\n${String(manifest.description)}.\n`);
}
