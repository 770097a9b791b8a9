// Which functions of hot.cjs its commands really call: scripts/hot-functions.txt, a module a line, by names, so that the list outlives a change of the
// sources. Its start-up snapshot has these compiled and no others. `npm run record:hot` writes the list; the bundle gets their places beside it.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const listFile = fileURLToPath(new URL('hot-functions.txt', import.meta.url));

/** @typedef {{ module: string, name: string, start: number, end: number }} Known */

/** For scripts/snapshot.mjs, which is run where there is no parser. */
export function writePlaces(bundle) {
  const list = readList();
  const found = functionsOf(bundle).filter(({ module, name }) => list.get(module)?.has(name));
  writeFileSync(
    bundle.replace(/\.cjs$/, '.functions.json'),
    JSON.stringify(found.map(({ start, end }) => [start, end])),
  );
}

/** All functions of a bundle, also those that nobody has called. @returns {Known[]} */
export function functionsOf(bundle) {
  const text = readFileSync(bundle, 'latin1');
  const source = ts.createSourceFile(bundle, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const modules = [];
  const found = [];
  const walk = (node, outer) => {
    let name = nameOf(node)?.replace(/\d+$/, '') ?? outer;
    if (ts.isFunctionLike(node)) {
      const [start, end] = [node.getStart(source), node.end];
      if (/^(src|node_modules)\//.test(name)) {
        modules.push({ name, end });
        name = '-';
      } else found.push({ name, start, end });
    }
    ts.forEachChild(node, (child) => walk(child, name));
  };
  walk(source, '-');
  // esbuild makes of a module a method of its name, below its function declarations.
  return found.map((one) => ({ ...one, module: modules.find(({ end }) => end >= one.end)?.name ?? 'src/main.ts' }));
}

/** Of a function without a name: of what it is assigned to, else of what it is in. Without the number that esbuild gives to the second of a name. */
function nameOf(node) {
  const { name } = node;
  if (name === undefined || ts.isComputedPropertyName(name) || ts.isBindingName(name) !== ts.isIdentifier(name)) {
    return ts.isConstructorDeclaration(node) ? 'constructor' : undefined;
  }
  return ts.isParameter(node) ? undefined : name.text;
}

/** module → names */
export function readList() {
  const lines = readFileSync(listFile, 'utf8').split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [module, ...names] = line.split(' ');
      return [module, new Set(names)];
    }),
  );
}
