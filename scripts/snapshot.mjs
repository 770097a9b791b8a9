// A start-up snapshot of the bundle: Node's heap with all commands loaded, so that a command of its own process starts with them.
// Only the Node that made it can use it, and only the native entry knows how to ask for it; without it, the bundle is run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundle = join(root, 'dist', 'bundle', 'main.cjs');
const blob = join(root, 'dist', 'bundle', 'main.blob');
/** One a line: what V8 is to be told so that it takes the snapshot. */
const flagsFile = join(root, 'dist', 'bundle', 'main.blob.flags');

/**
 * A command is over before V8's compilers have earned what they cost. The first that this Node takes without a word; a snapshot is only
 * taken by a V8 with the flags it was made with.
 */
const tiers = [['--jitless'], ['--jitless', '--no-expose-wasm'], ['--no-opt'], []];
/**
 * Hash tables stay as they lie in the snapshot, with a seed that was drawn when it was made: to build them anew with another one is a fourth of what a
 * snapshot costs. A seed of its own in each process protects servers, which take keys from strangers all day.
 */
const ways = [...tiers.map((tier) => ['--no-rehash-snapshot', ...tier]), ...tiers];

/** In a snapshot, `require` knows Node's own modules only; native addons are looked up when they are needed, from the bundle. */
const wrapper = (isEager) => `'use strict';
const bundle = { exports: {} };
const v8 = require('node:v8');
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const compileAll = ${isEager};
const { isBuiltin, createRequire } = require('node:module');
const load = (id) => (isBuiltin(id) ? require(id) : createRequire(${JSON.stringify(bundle)})(id));
// All functions at once: what is compiled by now is not compiled in each command. The flags are put back, since they count as V8's.
if (compileAll) for (const flag of ['--no-flush-bytecode', '--no-lazy']) v8.setFlagsFromString(flag);
const filename = ${JSON.stringify(bundle)};
const source = '(function (exports, require, module, __filename, __dirname) {' + readFileSync(filename, 'latin1') + '\\n})';
new Script(source, { filename }).runInThisContext()(bundle.exports, load, bundle, filename, ${JSON.stringify(dirname(bundle))});
if (compileAll) for (const flag of ['--lazy', '--flush-bytecode']) v8.setFlagsFromString(flag);
bundle.exports.warmUp();
v8.startupSnapshot.setDeserializeMainFunction(() => {
  bundle.exports.main(process.argv.slice(1)).then((status) => process.exit(status));
});
`;

/** Makes it if this Node can, and lets the native entry know. */
export function writeSnapshot() {
  rmSync(blob, { force: true });
  rmSync(flagsFile, { force: true });
  const flags = ways.find((way) => make(way, true) || make(way, false));
  if (flags !== undefined) {
    writeFileSync(flagsFile, flags.join('\n'));
    renameSync(`${blob}.new`, blob);
  }
  rmSync(`${blob}.new`, { force: true });
  writeCommand();
}

/** @returns whether a command starts from it */
function make(flags, isEager) {
  const source = join(dirname(bundle), 'snapshot.cjs');
  writeFileSync(source, wrapper(isEager));
  const made = spawnSync(process.execPath, [...flags, '--snapshot-blob', `${blob}.new`, '--build-snapshot', source], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: 'ignore',
  });
  rmSync(source, { force: true });
  return made.status === 0 && works(`${blob}.new`, flags);
}

/** Loads most of what there is, from a start like any other. */
function works(file, flags) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '--snapshot-blob', file, 'completion', 'bash'],
    {
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    },
  );
  return status === 0 && stdout.includes('complete') && stderr === '';
}

/**
 * What the native entry starts for all that it does not do itself, as NUL-terminated words: this Node; and if there is a snapshot, how
 * that Node is known again (size and time of its file), the snapshot, and the flags that it takes.
 */
export function writeCommand() {
  const { size, mtimeMs } = statSync(process.execPath);
  const words = [process.execPath];
  if (existsSync(blob) && existsSync(flagsFile)) {
    const flags = readFileSync(flagsFile, 'utf8').split('\n');
    words.push(`${size}.${Math.floor(mtimeMs / 1000)}`, blob, ...flags.filter((flag) => flag !== ''));
  }
  mkdirSync(join(root, 'native', 'build'), { recursive: true });
  writeFileSync(join(root, 'native', 'build', 'command'), words.map((word) => `${word}\0`).join(''));
}
