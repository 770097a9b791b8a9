// Runs dist/bundle/main.cjs with the code that V8 made of it when it was built.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname } = require('node:path');
const { Script } = require('node:vm');

/** A code cache of another version of Node is refused by V8, which then compiles the source. */
function loadBundle(filename) {
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, 'latin1')}\n})`;
  const script = new Script(source, { filename, cachedData: readCache(`${filename}.cache`) });
  const bundle = { exports: {} };
  const run = script.runInThisContext();
  run(bundle.exports, createRequire(filename), bundle, filename, dirname(filename));
  return { script, exports: bundle.exports };
}

function readCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

module.exports = { loadBundle };
