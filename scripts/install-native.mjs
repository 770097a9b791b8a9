#!/usr/bin/env node
// npm's postinstall. A packed tarball names platform packages that bring the native programs compiled (see
// docs/internals/release.md): nothing is compiled where that for this machine is installed and runs. Everywhere else, in a
// clone too, it is. Without this script (npm --ignore-scripts) an installed tszone works all the same: its `bin/tszone` is
// JavaScript then, without V8's code beside the bundle.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { writeCodeCache } from './code-cache.mjs';
import { compileNative, placeEntry, root } from './native.mjs';
import { writeSnapshots } from './snapshot.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Where a compiled entry is, if the platform package can be used; else why not, and what would help. */
async function findReadyMade() {
  const { platformPackages, platformProgram } = await import('../dist/helper/platform-package.js');
  const { protocolVersion } = await import('../dist/helper/protocol.js');
  const platform = platformPackages[process.arch];
  if (platform === undefined) return { problem: undefined };
  const helper = platformProgram('tszone-helper');
  if (helper === undefined) {
    return {
      problem: {
        why: `the optional package "${platform}" is not installed`,
        how: 'Install with optional packages ("npm install --include=optional")',
      },
    };
  }
  const why = whyUnusable(helper, protocolVersion);
  if (why === undefined) return { entry: platformProgram('tszone') };
  return { problem: { why: `"${platform}" ${why}`, how: `Install "${platform}@${manifest.version}"` } };
}

function whyUnusable(helper, protocolVersion) {
  const { error, signal, status, stdout } = spawnSync(helper, ['features'], { encoding: 'utf8' });
  if (error !== undefined) return `does not run here (${error.code})`;
  if (status !== 0) return `does not run here (it ended with ${signal ?? `status ${status}`})`;
  const { protocol } = JSON.parse(stdout);
  return protocol === protocolVersion ? undefined : `speaks protocol ${protocol}, and not ${protocolVersion}`;
}

if (manifest.optionalDependencies === undefined) {
  compileNative([]);
  placeEntry();
} else {
  const ready = await findReadyMade();
  if ('problem' in ready) compileNative([], ready.problem);
  placeEntry(ready.entry);
  await writeCodeCache().catch((error) => {
    process.stderr.write(`warning: V8's code could not be stored (${error.message}); commands start more slowly\n`);
  });
  writeSnapshots();
}
