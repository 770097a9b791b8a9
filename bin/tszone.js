#!/usr/bin/env node
// The command line. All it does is in dist/bundle, which `npm ci` builds. CommonJS (see package.json beside it): Node's
// loader of ES modules would cost each command 15 ms.
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const process = require('node:process');
const { loadBundle } = require('./load-bundle.js');

const bundle = join(__dirname, '..', 'dist', 'bundle', 'main.cjs');
if (existsSync(bundle)) {
  const { main } = loadBundle(bundle).exports;
  // Everything is written by then; what is still open (sockets, timers) is not waited for.
  main(process.argv.slice(2)).then((status) => process.exit(status));
} else {
  process.stderr.write('error: tszone is not built\nhint: Run "npm ci" in its directory.\n');
  process.exitCode = 1;
}
