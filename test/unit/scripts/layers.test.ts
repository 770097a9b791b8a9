import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { patience } from '../../helpers/patience.js';

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

describe('the layer lint bites', function () {
  this.timeout(patience(60_000));
  let violations: readonly string[] = [];

  before(() => {
    const { stdout } = spawnSync(
      resolve('node_modules/.bin/depcruise'),
      ['src', '--config', resolve('.dependency-cruiser.cjs'), '--output-type', 'json'],
      { cwd: 'test/fixtures/layers', encoding: 'utf8' },
    );
    const report = JSON.parse(stdout) as { summary: { violations: readonly Violation[] } };
    violations = report.summary.violations.map(({ from, rule }) => `${from} ${rule.name}`);
  });

  it('on an import from above', () => expect(violations).to.include('src/errors/upward.ts layer-errors'));
  it('on one subsystem that imports another', () =>
    expect(violations).to.include('src/images/sideways.ts layer-images'));
  it('on a process spawned in the wrong place', () => {
    expect(violations).to.include('src/operations/spawns.ts child-process-only-in-its-two-places');
    expect(violations.filter((line) => line.includes('host/tool.ts'))).to.deep.equal([]);
  });
  it('on oclif outside of the command line', () =>
    expect(violations).to.include('src/spec/oclif.ts oclif-only-in-the-cli'));
  it('on a cycle', () => expect(violations.filter((line) => line.endsWith('no-cycles'))).to.have.length(1));
  it('not on what is allowed', () =>
    expect(violations.filter((line) => line.includes('allowed.ts'))).to.deep.equal([]));
});

describe('the other lint rules bite', function () {
  this.timeout(patience(60_000));
  const scratch = mkdtempSync(join(tmpdir(), 'tszone-lint-'));
  let problems: readonly string[] = [];

  before(async () => {
    await cp('test/fixtures/lint', scratch, { recursive: true });
    const config = JSON.parse(await readFile('biome.json', 'utf8')) as { overrides: unknown; linter: unknown };
    const { writeFile } = await import('node:fs/promises');
    await writeFile(
      join(scratch, 'biome.json'),
      JSON.stringify({ linter: config.linter, overrides: config.overrides }),
    );
    const { stdout } = spawnSync(resolve('node_modules/.bin/biome'), ['lint', '--reporter=json', 'src'], {
      cwd: scratch,
      encoding: 'utf8',
    });
    const report = JSON.parse(stdout) as {
      diagnostics: readonly { category: string; location: { path: string | { file: string } } }[];
    };
    problems = report.diagnostics.map(
      ({ category, location: { path } }) => `${typeof path === 'string' ? path : path.file} ${category}`,
    );
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  it('on console outside of the command line', () =>
    expect(problems).to.include('src/operations/speaks.ts lint/suspicious/noConsole'));
  it('on process.exit outside of the command line', () =>
    expect(problems).to.include('src/operations/exits.ts lint/nursery/noProcessExit'));
  it('on process.env outside of cli and host', () =>
    expect(problems).to.include('src/state/reads-env.ts lint/style/noProcessEnv'));
  it('not where they are allowed', () =>
    expect(problems.filter((line) => /src\/(cli|host)\//.test(line))).to.deep.equal([]));
});
