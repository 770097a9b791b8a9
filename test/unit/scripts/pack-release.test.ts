import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Manifest, packedManifest, platformManifest } from '../../../scripts/pack-release/manifests.js';
import { root } from '../../../scripts/pack-release/run.js';
import { planTarball } from '../../../scripts/pack-release/tarball.js';
import { platformPackages } from '../../../src/helper/index.js';
import { patience } from '../../helpers/patience.js';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

describe('the packed package', function () {
  this.timeout(patience(60_000));
  let paths: readonly string[] = [];

  before(() => {
    paths = planTarball(root).files.map(({ path }) => path);
  });

  it('has what a zone needs, and the sources of the native programs', () => {
    expect(paths).to.include.members([
      'bin/tszone.js',
      'bin/load-bundle.js',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/bundle/main.cjs',
      'dist/bundle/hot.cjs',
      'dist/bundle/hot.functions.json',
      'native/Makefile',
      'native/main.c',
      'rootfs-templates/debian/template.json',
      'scripts/install-native.mjs',
    ]);
  });

  it('has nothing of tests and development, and nothing compiled', () => {
    const allowed =
      /^(bin\/[^/]+|dist\/[^.]+(\.d\.ts|\.js|\/(main|hot)\.cjs|\/hot\.functions\.json)|native\/(Makefile|[^/]+\.[ch])|(rootfs-templates|systemd)\/.+|scripts\/[^/]+\.mjs|[A-Z]+(\.md)?|package\.json)$/;
    expect(paths.filter((path) => !allowed.test(path))).to.deep.equal([]);
  });

  it('has every file that its scripts import', () => {
    const scripts = paths.filter((path) => path.startsWith('scripts/'));
    const imported = scripts.flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/from '\.\/(.+)'/g)].map(([, name = '']) => `scripts/${name}`),
    );
    expect(imported).not.to.deep.equal([]);
    expect(paths).to.include.members(imported);
  });

  it('names the platform packages at its own version, where git names none', () => {
    expect(manifest).not.to.have.property('optionalDependencies');
    const { version } = manifest;
    const packed = packedManifest(manifest);
    expect(packed.optionalDependencies).to.deep.equal({ '@tszone/linux-x64': version, '@tszone/linux-arm64': version });
    expect(packed.dependencies).to.deep.equal(manifest.dependencies);
    expect(packed).not.to.have.property('devDependencies');
  });

  it('keeps only scripts whose files it has', () => {
    const { scripts } = packedManifest(manifest) as { scripts: Record<string, string> };
    expect(scripts).to.have.keys('postinstall', 'build:native');
    for (const command of Object.values(scripts)) expect(paths).to.include(command.replace(/^node /, ''));
  });
});

describe('a platform package', () => {
  for (const [cpu, name] of Object.entries(platformPackages)) {
    it(`is installed on ${cpu} alone`, () => {
      const { version } = manifest;
      expect(platformManifest(manifest, cpu))
        .to.include({ name, version })
        .and.deep.include({ os: ['linux'], cpu: [cpu] });
    });
  }
});
