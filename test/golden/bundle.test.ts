import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { helpText } from '../../src/cli/help.js';
import { commandTable } from '../../src/commands/index.js';

/** The built command line: the bundle leaves out most of oclif, so that its paths are walked here for real. */
function tszone(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/tszone.js', ...argv], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('the built command line', () => {
  it('prints its version', () => {
    expect(tszone('version')).to.deep.equal({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect(tszone('--version').stdout).to.equal(`${version}\n`);
    expect(JSON.parse(tszone('version', '-o', 'json').stdout)).to.deep.equal({ version, node: process.version });
  });

  it('prints the same help for --help and help', async () => {
    const help = await helpText(commandTable, ['run']);
    expect(tszone('run', '--help')).to.deep.equal({ status: 0, stdout: help, stderr: '' });
    expect(tszone('help', 'run').stdout).to.equal(help);
    expect(tszone().stdout).to.equal(tszone('--help').stdout);
    expect(tszone('help', 'image').stdout).to.contain('tszone image COMMAND');
  });

  const refused: readonly (readonly [string, readonly string[], string, string])[] = [
    ['an unknown command', ['strat', 'web'], 'USAGE_UNKNOWN_COMMAND', 'tszone start'],
    ['an unknown command of a topic', ['image', 'lits'], 'USAGE_UNKNOWN_COMMAND', 'tszone image list'],
    ['a topic alone', ['image'], 'USAGE_UNKNOWN_COMMAND', 'image build'],
    ['an unknown flag', ['create', 'web', '--imgae', 'x'], 'USAGE_UNKNOWN_FLAG', '--image'],
    ['a missing argument', ['start'], 'USAGE_BAD_ARGUMENT', 'start --help'],
    ['too many arguments', ['status', 'a', 'b'], 'USAGE_BAD_ARGUMENT', 'status --help'],
    ['a missing flag', ['create', 'web'], 'USAGE_BAD_ARGUMENT', 'create --help'],
    ['a flag without its value', ['create', 'web', '--image'], 'USAGE_BAD_ARGUMENT', 'create --help'],
    ['a bad choice', ['wait', '--for', 'godot', 'web'], 'USAGE_BAD_ARGUMENT', 'wait --help'],
    ['flags that exclude each other', ['set', 'web', '--live', '--next-boot'], 'USAGE_BAD_ARGUMENT', 'set --help'],
    ['a shell that it does not know', ['completion', 'tcsh'], 'USAGE_BAD_ARGUMENT', 'completion --help'],
  ];
  for (const [what, argv, code, hint] of refused) {
    it(`refuses ${what}, with a hint, as text and as JSON`, () => {
      const asText = tszone(...argv);
      expect(asText.status).to.equal(2);
      expect(asText.stdout).to.equal('');
      expect(asText.stderr).to.match(/^error: [a-z"-].*[^.]\nhint: .*\n$/);
      expect(asText.stderr).to.contain(hint);
      const asJson = tszone('-o', 'json', ...argv);
      expect(asJson.status).to.equal(2);
      const { error } = JSON.parse(asJson.stderr) as { error: { code: string; exitStatus: number; hint: string } };
      expect([error.code, error.exitStatus]).to.deep.equal([code, 2]);
      expect(error.hint).to.contain(hint);
    });
  }

  it('uses 125 for its own failures of exec and run', () => {
    expect(tszone('exec', '--bogus', 'web', 'ls').status).to.equal(125);
    expect(tszone('run').status).to.equal(125);
  });

  it('does not choke on a reader that has gone', () => {
    const { status, stderr } = spawnSync('sh', ['-c', 'node bin/tszone.js completion bash | head -c 10 >/dev/null'], {
      encoding: 'utf8',
    });
    expect([status, stderr]).to.deep.equal([0, '']);
  });

  it('is compiled anew when the cached code is of another Node, or missing', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'tszone-bundle-'));
    const copy = join(scratch, 'main.cjs');
    // In a process of its own: V8 does not look at the cache for a source that it has just compiled.
    const load = (file: string) => {
      const script = `const { script, exports } = require('./bin/load-bundle.js').loadBundle(process.argv[1]);
        console.log(script.cachedDataRejected, typeof exports.main)`;
      return spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' }).stdout.trim();
    };
    copyFileSync('dist/bundle/main.cjs', copy);
    expect(load(copy)).to.equal('undefined function');
    writeFileSync(`${copy}.cache`, 'of another version');
    expect(load(copy)).to.equal('true function');
    expect(load(resolve('dist/bundle/main.cjs'))).to.equal('false function');
    rmSync(scratch, { recursive: true });
  });
});
