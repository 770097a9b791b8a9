import { expect } from 'chai';
import { isWritable, mountOf, parseMountinfo } from '../../../src/host/mountinfo.js';

const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 8:1 /sub\\040dir /srv/a\\040b rw,relatime shared:3 master:1 - xfs /dev/sda1 ro
41 27 0:40 / /srv rw - tmpfs tmpfs rw
42 27 0:41 / /srv ro,nosuid - btrfs /dev/sdb rw
`;

describe('parseMountinfo', () => {
  const mounts = parseMountinfo(text);

  it('reads lines with and without optional fields, and octal escapes', () => {
    expect(mounts).to.have.length(5);
    expect(mounts[0]).to.deep.equal({
      root: '/',
      mountPoint: '/proc',
      options: ['rw', 'relatime'],
      fsType: 'proc',
      superOptions: ['rw'],
    });
    expect(mounts[2]).to.include({ root: '/sub dir', mountPoint: '/srv/a b', fsType: 'xfs' });
  });

  it('finds the mount of a path: the longest, of two at one place the later', () => {
    expect(mountOf('/srv/x', mounts)?.fsType).to.equal('btrfs');
    expect(mountOf('/srvx', mounts)?.fsType).to.equal('ext4');
    expect(mountOf('/srv/a b/c', mounts)?.fsType).to.equal('xfs');
    expect(mountOf('/', mounts)?.fsType).to.equal('ext4');
  });

  it('knows a read-only mount and a read-only file system', () => {
    expect(mounts.map(isWritable)).to.deep.equal([true, true, false, true, false]);
  });
});
