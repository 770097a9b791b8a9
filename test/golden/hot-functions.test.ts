import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

interface HotFunctions {
  functionsOf(bundle: string): { readonly module: string; readonly name: string }[];
  readList(): Map<string, Set<string>>;
}

const places = 'dist/bundle/hot.functions.json';

describe('the functions that hot commands call', () => {
  it('are nearly all still there under their names: else run "npm run record:hot"', async () => {
    const { functionsOf, readList } = (await import('../../scripts/hot-functions.mjs' as string)) as HotFunctions;
    const there = new Set(functionsOf('dist/bundle/hot.cjs').map(({ module, name }) => `${module} ${name}`));
    const listed = [...readList()].flatMap(([module, names]) => [...names].map((name) => `${module} ${name}`));
    expect(listed).to.include('src/operations/run-zone.ts runZone');
    const gone = listed.filter((name) => !there.has(name));
    expect(gone.length / listed.length, gone.join(', ')).to.be.below(0.1);
  });

  it('are known to whoever makes the start-up snapshot, by their places in the bundle', () => {
    expect(existsSync(places)).to.equal(true);
    const text = readFileSync('dist/bundle/hot.cjs', 'latin1');
    const found = (JSON.parse(readFileSync(places, 'utf8')) as [number, number][]).map(([from, to]) =>
      text.slice(from, to),
    );
    expect(found.some((source) => /^async function runZone\(host, ?input/.test(source))).to.equal(true);
    // What is called rarely is not among them.
    expect(found.some((source) => source.startsWith('async function setZone('))).to.equal(false);
  });
});
