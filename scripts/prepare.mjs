#!/usr/bin/env node
// npm's prepare: builds dist/ in a source tree. A packed tarball brings dist/ along and never gets here.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', '.bin', name);

if (!existsSync(bin('tsc')) || !existsSync(bin('esbuild'))) {
  process.stderr.write(
    'error: building tszone needs its development packages\nhint: Run "npm ci" without --omit=dev.\n',
  );
  process.exit(existsSync(join(root, 'dist', 'bundle')) ? 0 : 1);
}

for (const [program, args] of [
  [bin('tsc'), ['-p', 'tsconfig.json']],
  [process.execPath, ['scripts/bundle.mjs']],
]) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
