import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { platformPackages, protocolVersion } from '../../../src/helper/index.js';
import { patience } from '../../helpers/patience.js';

const bundle = `exports.warmUp = async () => {};
exports.main = async (words) => {
  console.log(words.includes('--help') ? 'USAGE' : 'complete');
  return 0;
};`;
const platform = platformPackages[process.arch] ?? '';

/** What `npm install` has put there when it runs the install script; without compilers. */
describe('installing a packed tszone', function () {
  // It makes a start-up snapshot each time.
  this.timeout(patience(60_000));
  const directory = mkdtempSync(join(tmpdir(), 'tszone-install-'));
  let tszone: string;

  beforeEach(() => {
    tszone = mkdtempSync(join(directory, 'tszone-'));
    for (const name of ['bin', 'dist/helper', 'dist/bundle', 'native'])
      mkdirSync(join(tszone, name), { recursive: true });
    for (const path of ['bin/tszone.js', 'bin/load-bundle.js', 'bin/package.json'])
      copyFileSync(path, join(tszone, path));
    copyFileSync('bin/tszone.js', join(tszone, 'bin/tszone'));
    cpSync('scripts', join(tszone, 'scripts'), { recursive: true, filter: (path) => !path.endsWith('.ts') });
    for (const name of ['platform-package', 'protocol'])
      copyFileSync(`dist/helper/${name}.js`, join(tszone, `dist/helper/${name}.js`));
    // Says what the scripts ask of a snapshot that works: else they make one in each way that there is.
    for (const name of ['main', 'hot']) writeFileSync(join(tszone, `dist/bundle/${name}.cjs`), bundle);
    writeFileSync(
      join(tszone, 'package.json'),
      JSON.stringify({ type: 'module', version: '1.2.3', optionalDependencies: { [platform]: '1.2.3' } }),
    );
  });
  after(() => rmSync(directory, { recursive: true }));

  const install = () =>
    spawnSync(process.execPath, [join(tszone, 'scripts/install-native.mjs')], {
      encoding: 'utf8',
      env: { PATH: '/nonexistent' },
    });

  function putProgram(name: string, script: string): string {
    const bin = join(tszone, 'node_modules', platform, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
    return join(bin, name);
  }

  it('compiles nothing where the platform package runs, and makes its entry the command, twice too', () => {
    putProgram('tszone-helper', `echo '{"protocol":${protocolVersion}}'`);
    const entry = putProgram('tszone', 'exit 0');
    for (const _ of [1, 2]) expect(install()).to.include({ status: 0, stderr: '', stdout: '' });
    expect(readFileSync(join(tszone, 'bin/tszone'))).to.deep.equal(readFileSync(entry));
    expect(statSync(join(tszone, 'bin/tszone')).mode & 0o777).to.equal(0o755);
    expect(existsSync(join(tszone, 'bin/tszone.new'))).to.equal(false);
    for (const [file, name] of [
      ['command', 'main'],
      ['command.hot', 'hot'],
    ] as const) {
      const words = readFileSync(join(tszone, 'native/build', file), 'utf8').split('\0');
      expect([words[0], words[2]]).to.deep.equal([process.execPath, join(tszone, `dist/bundle/${name}.blob`)]);
    }
    expect(existsSync(join(tszone, 'dist/bundle/main.cjs.cache'))).to.equal(true);
  });

  it('leaves the JavaScript command where the platform package has no entry', () => {
    putProgram('tszone-helper', `echo '{"protocol":${protocolVersion}}'`);
    expect(install()).to.include({ status: 0, stderr: '' });
    expect(readFileSync(join(tszone, 'bin/tszone'))).to.deep.equal(readFileSync('bin/tszone.js'));
  });

  it('names both ways out where the platform package is missing', () => {
    const { status, stderr } = install();
    expect(status).to.equal(5);
    expect(stderr).to.match(
      /^error: the optional package ".*" is not installed, and building .* needs "make" and "gcc"/,
    );
    expect(stderr).to.match(/\nhint: .*--include=optional.*apt-get install -y gcc make/);
  });

  for (const [what, script, why] of [
    ['speaks another protocol', `echo '{"protocol":99}'`, /speaks protocol 99, and not \d/],
    ['does not run', 'kill -SEGV $$', /does not run here \(it ended with SIGSEGV\)/],
  ] as const) {
    it(`says so where the platform package ${what}`, () => {
      putProgram('tszone-helper', script);
      const { status, stderr } = install();
      expect(status).to.equal(5);
      expect(stderr).to.match(why).and.contain(`hint: Install "${platform}@1.2.3"`);
    });
  }
});
