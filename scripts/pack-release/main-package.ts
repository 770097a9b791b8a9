/** The directory that the main tarball is packed from. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyPlain } from './copy.js';
import { type Manifest, packedManifest } from './manifests.js';
import { fail, root, run } from './run.js';
import { planTarball } from './tarball.js';

/** Fills `directory`. dist/ is made anew, so that nothing is packed of a source that is gone. */
export function stageMainPackage(manifest: Manifest, directory: string): void {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(process.execPath, ['scripts/prepare.mjs']);
  const paths = planTarball(root).files.map(({ path }) => path);
  refuseUntracked(paths);
  for (const path of paths) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    copyPlain(join(root, path), join(directory, path));
  }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(packedManifest(manifest), null, 2)}\n`);
  // The install script replaces it by the native entry; where that does not run, this one stays.
  copyPlain(join(root, 'bin/tszone.js'), join(directory, 'bin/tszone'));
}

function refuseUntracked(paths: readonly string[]): void {
  const tracked = new Set(run('git', ['ls-files', '-z']).split('\0'));
  const made = (path: string) => path.startsWith('dist/') || path === 'bin/tszone';
  const strays = paths.filter((path) => !tracked.has(path) && !made(path));
  if (strays.length > 0) fail(`"${strays.join('", "')}" would be packed and is not in git`, 'Commit or remove it.');
}
