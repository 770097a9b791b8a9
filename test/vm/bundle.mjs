// Bundles test/vm/lane.ts with the test files of test/vm/suite.txt (or of the arguments) into one file.
//
//   node test/vm/bundle.mjs OUTFILE ROOT-IN-THE-VM [FILE …]
//
// TSZONE_VM_INIT, in the VM, tells which lane's lines count.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [outfile, guestRoot, ...only] = process.argv.slice(2);

const suite = readFileSync(join(root, 'test/vm/suite.txt'), 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  .map((line) => /^(?:(plain|systemd)\s+)?(\S+)\s*(.*)$/.exec(line.trim()))
  .map(([, init = '', file, grep]) => ({ init, file, grep }));
/** As suite.txt has it, if it has it. */
const named = (name) => {
  const listed = suite.filter(({ file }) => file === name);
  return listed.length === 0 ? [{ init: '', file: name, grep: '' }] : listed;
};
const chosen = only.length === 0 ? suite : only.flatMap(named);

const entries = chosen.map(
  ({ init, file, grep }) =>
    `{ init: ${JSON.stringify(init)}, file: ${JSON.stringify(file)}, grep: ${JSON.stringify(grep)}, load: () => import(${JSON.stringify(`./test/integration/${file}`)}) }`,
);

/** A module in the bundle still finds the project's files: its URL is the one that its source has in the VM. */
const ownUrls = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.[mc]?[jt]s$/ }, async ({ path }) => {
      const contents = await readFile(path, 'utf8');
      if (!contents.includes('import.meta.')) return undefined;
      const guestPath = join(guestRoot, relative(root, path));
      const own = { ownUrl: pathToFileURL(guestPath).href, ownFile: guestPath, ownDirectory: dirname(guestPath) };
      const constants = Object.entries(own).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`);
      return { contents: `${constants.join(' ')} ${contents}`, loader: path.endsWith('ts') ? 'ts' : 'js' };
    });
  },
};

await build({
  stdin: {
    contents: `
      import { runLane } from './test/vm/lane.ts';
      import reporter from './scripts/mocha-reporter.mjs';
      process.exit(await runLane(reporter, [${entries.join(',\n')}]));`,
    resolveDir: root,
    loader: 'ts',
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
  define: { 'import.meta.url': 'ownUrl', 'import.meta.filename': 'ownFile', 'import.meta.dirname': 'ownDirectory' },
  // Native code is found by its own package.
  external: ['netlink', 'esbuild'],
  banner: {
    js: "import { createRequire as tszoneRequire } from 'node:module'; const require = tszoneRequire(import.meta.url);",
  },
  plugins: [ownUrls],
});
