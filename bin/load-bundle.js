// Runs dist/bundle/main.cjs with the code that V8 made of it when it was built.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** A code cache of another version of Node is refused by V8, which then compiles the source. */
export function loadBundle(filename) {
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, 'latin1')}\n})`;
  const script = new Script(source, { filename, cachedData: readCache(`${filename}.cache`) });
  const module = { exports: {} };
  const run = script.runInThisContext();
  run(module.exports, createRequire(filename), module, filename, dirname(filename));
  return { script, exports: module.exports };
}

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
