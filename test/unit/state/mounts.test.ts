import { expect } from 'chai';
import { mountOf, mountPoints, mountsBelow } from '../../../src/state/index.js';

describe('mounts', () => {
  it('are those that there are', async () => {
    expect(await mountPoints()).to.include.members(['/', '/proc']);
    expect(await mountsBelow('/proc')).to.include('/proc');
    expect(await mountsBelow('/nonexistent')).to.deep.equal([]);
  });

  it('are told by whole names', () => {
    const points = ['/', '/srv', '/srv/a b', '/srvx'];
    expect(mountOf('/srv/a b/c', points)).to.equal('/srv/a b');
    expect(mountOf('/srv/a', points)).to.equal('/srv');
    expect(mountOf('/srvx', points)).to.equal('/srvx');
    expect(mountOf('/srvy', points)).to.equal('/');
  });
});
