import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ZoneError } from '../../../src/errors/index.js';
import { locateNativeProgram, platformPackages } from '../../../src/helper/index.js';

const platform = platformPackages[process.arch] ?? '';

describe('finding the native programs', () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tszone-locate-')));
  let n = 0;
  let application: string;
  let tszone: string;
  const put = (...path: string[]) => {
    const file = join(...path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '{}');
    return file;
  };
  const locate = () => locateNativeProgram('tszone-init', join(tszone, 'dist/helper/locate.js'));

  beforeEach(() => {
    application = join(directory, String(++n));
    tszone = join(application, 'node_modules/tszone');
    put(tszone, 'package.json');
    put(tszone, 'dist/helper/locate.js');
  });
  after(() => rmSync(directory, { recursive: true }));

  it('takes what was compiled in the package first', () => {
    const built = put(tszone, 'native/build/tszone-init');
    put(tszone, 'node_modules', platform, 'bin/tszone-init');
    expect(locate()).to.equal(built);
  });

  for (const [where, place] of [
    ['beside the package', () => application],
    ['inside it', () => tszone],
  ] as const) {
    it(`else takes the platform package ${where}`, () => {
      const ready = put(place(), 'node_modules', platform, 'bin/tszone-init');
      expect(locate()).to.equal(ready);
    });
  }

  it('does not take what another package has compiled', () => {
    put(application, 'package.json');
    put(application, 'native/build/tszone-init');
    expect(locate).to.throw(ZoneError).with.property('code', 'HOST_HELPER_MISSING');
  });

  it('names both ways out when there is neither', () => {
    expect(locate)
      .to.throw(ZoneError)
      .with.property('hint')
      .that.contains(platform)
      .and.contains('npm run build:native');
  });
});
