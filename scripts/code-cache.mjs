// Stores what V8 makes of the bundle beside it, so that it need not be compiled again; another Node refuses it and
// compiles. Written where it is used: it is not the same from one run to the next, so a packed tarball has none.
import { renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bundle = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist', 'bundle', 'main.cjs');

export async function writeCodeCache() {
  const { script, exports } = createRequire(import.meta.url)('../bin/load-bundle.js').loadBundle(bundle);
  await exports.warmUp();
  writeFileSync(`${bundle}.cache.new`, script.createCachedData());
  renameSync(`${bundle}.cache.new`, `${bundle}.cache`);
}
