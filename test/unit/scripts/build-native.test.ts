import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

describe('building the native helper', () => {
  it('names the packages when compiler and make are missing', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/build-native.mjs'], {
      encoding: 'utf8',
      env: { PATH: '/nonexistent' },
    });
    expect(status).to.equal(5);
    expect(stderr).to.match(/^error: .*"make" and "gcc"/);
    expect(stderr).to.contain('hint: Run "apt-get install -y gcc make');
  });
});
