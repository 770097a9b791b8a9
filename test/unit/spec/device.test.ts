import { expect } from 'chai';
import fc from 'fast-check';
import { formatDevice, isOwnDevice, parseDevice, parseZoneOptions } from '../../../src/spec/index.js';

describe('a device of a spec', () => {
  it('is read with its letters, in any order, rw if none are given', () => {
    expect(parseDevice('/dev/fuse')).to.deep.equal({ path: '/dev/fuse', access: 'rw' });
    expect(parseDevice('/dev/fuse:r')?.access).to.equal('r');
    expect(parseDevice('/dev/fuse:mwr')?.access).to.equal('rwm');
    expect(parseDevice('/dev//net/./tun:w')).to.deep.equal({ path: '/dev/net/tun', access: 'w' });
  });

  it('may have colons in its name', () => {
    const path = '/dev/disk/by-path/pci-0000:00:1f.2-ata-1';
    expect(parseDevice(path)).to.deep.equal({ path, access: 'rw' });
    expect(parseDevice(`${path}:r`)).to.deep.equal({ path, access: 'r' });
  });

  for (const text of [
    '',
    '/dev',
    '/dev/',
    'dev/fuse',
    '/etc/passwd',
    '/dev/../etc/x',
    '/dev/x:',
    '/dev/x:rr',
    '/dev/x:rx',
    '/devel/x',
  ])
    it(`is not ${JSON.stringify(text)}`, () => expect(parseDevice(text)).to.equal(undefined));

  it('is written as it was read', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.:-]{0,20}$/);
    fc.assert(
      fc.property(name, fc.constantFrom('r', 'w', 'm', 'rw', 'rm', 'wm', 'rwm'), (name, access) => {
        const device = { path: `/dev/${name}`, access };
        expect(parseDevice(formatDevice(device))).to.deep.equal(device);
      }),
    );
  });

  it('is none that a zone has of its own, or that lies in what it has', () => {
    for (const path of ['/dev/null', '/dev/console', '/dev/ptmx', '/dev/pts/0', '/dev/shm/x', '/dev/fd/3'])
      expect(isOwnDevice({ path, access: 'rw' }), path).to.equal(true);
    for (const path of ['/dev/nullx', '/dev/tty0', '/dev/net/tun', '/dev/ttyS0'])
      expect(isOwnDevice({ path, access: 'rw' }), path).to.equal(false);
  });

  it('is named once, and there are not too many', () => {
    const zone = (device: string[]) => () => parseZoneOptions({ name: 'web', image: 'busybox', device });
    expect(zone(['/dev/fuse', '/dev/fuse:r'])).to.throw(/twice/);
    expect(zone(['/dev/zero'])).to.throw(/of its own/);
    expect(zone(Array.from({ length: 65 }, (_, index) => `/dev/x${index}`))).to.throw(/more than 64/);
    expect(zone(Array.from({ length: 64 }, (_, index) => `/dev/x${index}`))).to.not.throw();
  });
});
