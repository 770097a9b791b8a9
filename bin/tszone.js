#!/usr/bin/env node
// The command line. All it does is in dist/bundle, which `npm ci` builds.
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadBundle } from './load-bundle.js';

const bundle = fileURLToPath(new URL('../dist/bundle/main.cjs', import.meta.url));
if (!existsSync(bundle)) {
  process.stderr.write('error: tszone is not built\nhint: Run "npm ci" in its directory.\n');
  process.exit(1);
}
const { main } = loadBundle(bundle).exports;
// Everything is written by then; what is still open (sockets, timers) is not waited for.
process.exit(await main(process.argv.slice(2)));
