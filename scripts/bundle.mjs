#!/usr/bin/env node
// Bundles the command line into dist/bundle: one small file a command plus what they share, so that a command loads only
// what it uses. Of oclif only the parser, flags and the Command class run; what they import besides (plugin loading, help,
// colours, spinners) is left out: it is replaced by a module that throws if anything in it is ever called.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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

rmSync(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: ['netlink'],
  keepNames: true,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: process.argv.includes('--meta'),
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  plugins: [withoutOclifsRest],
});
