// `npm run record:hot`, as root: writes scripts/hot-functions.txt anew, from what these commands call on this machine.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { functionsOf, listFile } from './hot-functions.mjs';

const self = fileURLToPath(import.meta.url);
const bundle = join(dirname(dirname(self)), 'dist', 'bundle', 'hot.cjs');
const limits = ['--memory', '64M', '--pids', '100'];
const commands = [
  ['run', '--rm', ...limits, 'busybox', '--', 'true'],
  ['create', 'one', '--image', 'busybox', ...limits, '--', 'sleep', '1000'],
  ['start', 'one'],
  ['list'],
  ['status', 'one'],
  ['exec', 'one', '--', 'true'],
  ['restart', 'one'],
  ['stop', 'one'],
  ['delete', 'one'],
];

if (process.argv[2] === '--one') await recordOne(process.argv[3], process.argv.slice(4));
else recordAll();

function recordAll() {
  const directory = mkdtempSync('/var/tmp/tszone-hot-');
  const env = {
    ...process.env,
    TSZONE_ROOT: join(directory, 'root'),
    TSZONE_RUN_ROOT: join(directory, 'run'),
    TSZONE_ENGINE: 'off',
  };
  const run = (...args) => execFileSync(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    // Its image is made, which is not part of the record.
    run(join(dirname(dirname(self)), 'bin', 'tszone.js'), ...commands[0]);
    const called = new Set();
    for (const words of commands) {
      const file = join(directory, 'called.json');
      run(self, '--one', file, ...words);
      for (const end of JSON.parse(readFileSync(file, 'utf8'))) called.add(end);
    }
    writeList(called);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The ends of the functions that it calls once all modules are loaded. */
async function recordOne(file, words) {
  const { Session } = await import('node:inspector');
  const { main, warmUp } = createRequire(bundle)(bundle);
  await warmUp();
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const status = await main(words);
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error) throw error;
    const { functions } = result.find(({ url }) => url.endsWith('/hot.cjs'));
    const called = functions.map(({ ranges }) => ranges[0]).filter(({ count }) => count > 0);
    writeFileSync(file, JSON.stringify(called.map(({ endOffset }) => endOffset)));
  });
  process.exit(status);
}

function writeList(called) {
  const list = new Map();
  for (const { module, name, end } of functionsOf(bundle)) {
    if (called.has(end)) list.set(module, (list.get(module) ?? new Set()).add(name));
  }
  const lines = [...list].map(([module, names]) => [module, ...[...names].sort()].join(' '));
  writeFileSync(listFile, `${lines.sort().join('\n')}\n`);
}
