// Start-up snapshots of the bundles: Node's heap with all of their commands loaded, so that a command of its own process starts with them.
// Only the Node that made it can use it, and only the native entry knows how to ask for it; without it, the bundle is run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What there is a snapshot of, a command line that shows that it works, and the file by which the native entry knows it. */
const kinds = [
  { name: 'main', probe: ['completion', 'bash'], said: 'complete', command: 'command' },
  { name: 'hot', probe: ['run', '--help'], said: 'USAGE', command: 'command.hot' },
];
const inBundle = (file) => join(root, 'dist', 'bundle', file);
const blobOf = ({ name }) => inBundle(`${name}.blob`);
/** One a line: what V8 is to be told so that it takes the snapshot. */
const flagsOf = ({ name }) => inBundle(`${name}.blob.flags`);

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

/** Which functions of the bundle are compiled in it: those that its commands call (hot-functions.mjs), if they are known and this Node can; else all; else none. */
const compilations = ['listed', 'all', 'none'];

const env = { ...process.env, NODE_OPTIONS: '' };

/** In a snapshot, `require` knows Node's own modules only. */
const wrapper = (bundle, compiled) => `'use strict';
const bundle = { exports: {} };
const v8 = require('node:v8');
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');
const { isBuiltin, createRequire } = require('node:module');
const near = createRequire(${JSON.stringify(bundle)});
const parts = new Map();
const load = (id) => (isBuiltin(id) ? require(id) : (parts.get(id) ?? near(id)));
const filename = ${JSON.stringify(bundle)};
const head = '(function (exports, require, module, __filename, __dirname) {';
const source = head + readFileSync(filename, 'latin1') + '\\n})';
// What is compiled by now is not compiled in each command. The flags are put back, since they count as V8's.
const flags = ${JSON.stringify(compiled === 'all' ? ['flush-bytecode', 'lazy'] : ['flush-bytecode'])};
for (const flag of flags) v8.setFlagsFromString('--no-' + flag);
const run = new Script(source, { filename }).runInThisContext();
${compiled === 'listed' ? compileListed : ''}
run(bundle.exports, load, bundle, filename, ${JSON.stringify(dirname(bundle))});
for (const flag of flags) v8.setFlagsFromString('--' + flag);
bundle.exports.warmUp();
${takeNetlink()}
v8.startupSnapshot.setDeserializeMainFunction(() => {
  bundle.exports.main(process.argv.slice(1)).then((status) => process.exit(status));
});
`;

/**
 * The socket of the package `netlink` is run now, and its native addon looked for, both of which a command need not do then; the addon is loaded with
 * the first socket. Where it is no more, it is looked for as ever.
 */
function takeNetlink() {
  try {
    const id = 'netlink/dist/raw.js';
    const file = createRequire(inBundle('hot.cjs')).resolve(id);
    const addon = createRequire(file)('node-gyp-build').resolve(dirname(dirname(file)));
    return `{
  const { addon, directory, file, id } = ${JSON.stringify({ addon, directory: dirname(dirname(file)), file, id })};
  const open = () => {
    try {
      const opened = { exports: {} };
      process.dlopen(opened, addon);
      return opened.exports;
    } catch {
      return createRequire(file)('node-gyp-build')(directory);
    }
  };
  const binding = { get NativeNetlink() { return open().NativeNetlink; } };
  const get = (name) => (name === 'node-gyp-build' ? () => binding : require(name));
  const found = { exports: {} };
  v8.setFlagsFromString('--no-lazy');
  const run = new Script(head + readFileSync(file, 'latin1') + '\\n})', { filename: file }).runInThisContext();
  v8.setFlagsFromString('--lazy');
  run(found.exports, get, found, file, directory);
  parts.set(id, found.exports);
}`;
  } catch {
    return '';
  }
}

/** V8 compiles a function when it is called, which none is here; or to say where a debugger could stop in it. */
const compileListed = `{
  const { Session } = require('node:inspector');
  const places = JSON.parse(readFileSync(filename.replace(/cjs$/, 'functions.json'), 'utf8'));
  const lines = [0];
  for (let at = source.indexOf('\\n'); at >= 0; at = source.indexOf('\\n', at + 1)) lines.push(at + 1);
  let scriptId;
  const position = (offset) => {
    const lineNumber = lines.findLastIndex((start) => start <= offset);
    return { scriptId, lineNumber, columnNumber: offset - lines[lineNumber] };
  };
  const session = new Session();
  session.connect();
  // Answers before it returns: it is this thread's own.
  const post = (method, params) => {
    let failure;
    session.post(method, params, (error) => { failure = error; });
    if (failure) throw failure;
  };
  session.on('Debugger.scriptParsed', ({ params }) => { if (params.url.endsWith(filename)) scriptId = params.scriptId; });
  post('Debugger.enable');
  for (const [start, end] of places) {
    const range = { start: position(head.length + start), end: position(head.length + end) };
    post('Debugger.getPossibleBreakpoints', range);
  }
  post('Debugger.disable');
  session.disconnect();
}`;

/** Makes them if this Node can, and lets the native entry know. */
export function writeSnapshots() {
  for (const kind of kinds) {
    const [blob, flagsFile] = [blobOf(kind), flagsOf(kind)];
    rmSync(blob, { force: true });
    rmSync(flagsFile, { force: true });
    const flags = ways.find((way) => compilations.some((compiled) => make(kind, way, compiled)));
    if (flags !== undefined) {
      writeFileSync(flagsFile, flags.join('\n'));
      renameSync(`${blob}.new`, blob);
    }
    rmSync(`${blob}.new`, { force: true });
  }
  writeCommand();
}

/** @returns whether a command starts from it */
function make(kind, flags, compiled) {
  const bundle = inBundle(`${kind.name}.cjs`);
  if (compiled === 'listed' && !existsSync(inBundle(`${kind.name}.functions.json`))) return false;
  const source = inBundle('snapshot.cjs');
  const blob = `${blobOf(kind)}.new`;
  writeFileSync(source, wrapper(bundle, compiled));
  const made = spawnSync(process.execPath, [...flags, '--snapshot-blob', blob, '--build-snapshot', source], {
    env,
    stdio: 'ignore',
  });
  rmSync(source, { force: true });
  return made.status === 0 && works(kind, flags);
}

/** Loads most of what there is, from a start like any other. */
function works(kind, flags) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '--snapshot-blob', `${blobOf(kind)}.new`, '--', ...kind.probe],
    { env, encoding: 'utf8' },
  );
  return status === 0 && stdout.includes(kind.said) && stderr === '';
}

/**
 * What the native entry starts for all that it does not do itself, as NUL-terminated words: this Node; and if there is a snapshot, how
 * that Node is known again (size and time of its file), the snapshot, and the flags that it takes.
 */
export function writeCommand() {
  const { size, mtimeMs } = statSync(process.execPath);
  const directory = join(root, 'native', 'build');
  mkdirSync(directory, { recursive: true });
  for (const kind of kinds) {
    const [blob, flagsFile] = [blobOf(kind), flagsOf(kind)];
    const hasSnapshot = existsSync(blob) && existsSync(flagsFile);
    const file = join(directory, kind.command);
    rmSync(file, { force: true });
    if (!hasSnapshot && kind.command !== 'command') continue;
    const words = [process.execPath];
    if (hasSnapshot) {
      const flags = readFileSync(flagsFile, 'utf8').split('\n');
      words.push(`${size}.${Math.floor(mtimeMs / 1000)}`, blob, ...flags.filter((flag) => flag !== ''));
    }
    writeFileSync(file, words.map((word) => `${word}\0`).join(''));
  }
}
