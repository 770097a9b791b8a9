#!/usr/bin/env node
// The command line. All it does is in dist/bundle, which `npm ci` builds.
import process from 'node:process';

try {
  const { main } = await import('../dist/bundle/main.js');
  // Everything is written by then; what is still open (sockets, timers) is not waited for.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist/bundle/main.js')) throw error;
  process.stderr.write('error: tszone is not built\nhint: Run "npm ci" in its directory.\n');
  process.exit(1);
}
