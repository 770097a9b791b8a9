#!/usr/bin/env node
// Bundles the command line into one file, dist/bundle/main.cjs, in which a module is run when it is first imported, and
// stores V8's code for it beside it; and into hot.cjs, of which only a start-up snapshot is made, with the commands that are used all the time. Of oclif only the parser, flags and the Command class run; what they import besides
// (plugin loading, help, colours, spinners) is left out: it is replaced by a module that throws if it is ever called.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeCodeCache } from './code-cache.mjs';
import { writePlaces } from './hot-functions.mjs';
import { hotVerbs } from './hot-verbs.mjs';
import { writeSnapshots } from './snapshot.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(root, 'dist', 'bundle');

/** Parts of @oclif/core/lib, and packages that only they use. */
const leftOut = [
  /^\.{1,2}\/(config|help|ux|logger|module-loader|performance)(\/|$)/,
  /^\.\/(handle|list|theme|pretty-print|wrap)$/,
  /^(ansi-escapes|ansis|clean-stack|cli-spinners|debug|ejs|indent-string|lilconfig|minimatch|semver)$/,
  /^(string-width|supports-color|tinyglobby|typescript|widest-line|wordwrap|wrap-ansi|wsl-utils)$/,
];

const stub = (name) => `
const left = (name) => new Proxy(function () {}, {
  get: (_, key) => (key === '__esModule' ? true : key === Symbol.toPrimitive ? () => name : left(name + '.' + String(key))),
  apply: (_, self, args) => {
    if (/makeLogger|makeDebug|\\.getLogger/.test(name)) return () => {};
    if (/colorize/.test(name)) return args[1];
    if (/\\/list\\b/.test(name)) return '';
    throw new Error('not part of the bundle: ' + name);
  },
  construct: () => { throw new Error('not part of the bundle: ' + name); },
});
module.exports = left(${JSON.stringify(name)});
`;

/** @type {import('esbuild').Plugin} */
const withoutOclifsRest = {
  name: 'without-oclifs-rest',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ path, importer }) => {
      if (!importer.includes('/@oclif/core/lib/')) return undefined;
      return leftOut.some((pattern) => pattern.test(path)) ? { path, namespace: 'left-out' } : undefined;
    });
    onLoad({ filter: /.*/, namespace: 'left-out' }, ({ path }) => ({ contents: stub(path), loader: 'js' }));
  },
};

/** Only the commands of `hotVerbs`: what is in a snapshot and not used costs each start of it. @type {import('esbuild').Plugin} */
const withoutRareCommands = {
  name: 'without-rare-commands',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\// }, ({ path, importer }) => {
      const isRare = importer.endsWith('/src/commands/index.ts') && !hotVerbs.includes(path.slice(2, -'.js'.length));
      return isRare ? { path, namespace: 'left-out' } : undefined;
    });
  },
};

rmSync(outdir, { recursive: true, force: true });
for (const [name, plugins] of [
  ['main', [withoutOclifsRest]],
  ['hot', [withoutOclifsRest, withoutRareCommands]],
]) {
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile: join(outdir, `${name}.cjs`),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    external: ['netlink'],
    // A script that runs from a code cache has no import().
    supported: { 'dynamic-import': false },
    // No keepNames: it makes of each function an object with a dictionary of its own, 5 of a start's milliseconds; the names of classes are kept without it.
    minifySyntax: true,
    minifyWhitespace: true,
    charset: 'ascii',
    legalComments: 'none',
    logLevel: 'warning',
    define: { 'import.meta.url': '__bundleUrl' },
    banner: { js: "const __bundleUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins,
  });
}

writePlaces(join(outdir, 'hot.cjs'));
await writeCodeCache();
writeSnapshots();
