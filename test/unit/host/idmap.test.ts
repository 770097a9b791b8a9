import { expect } from 'chai';
import { canIdmap, idmapVerdict } from '../../../src/host/idmap.js';

describe('idmapVerdict', () => {
  const on = (fsType: string, major: number, minor: number) =>
    idmapVerdict({ fsType, mountPoint: '/x' }, { major, minor });

  it('goes by file system and kernel', () => {
    expect(on('ext4', 6, 1)).to.deep.equal({ ok: true, fsType: 'ext4', mountPoint: '/x' });
    expect(on('tmpfs', 6, 2)).to.include({ ok: false, reason: 'tmpfs can be idmapped from kernel 6.3 on' });
    expect(on('tmpfs', 6, 3)).to.include({ ok: true });
    expect(on('btrfs', 5, 14)).to.include({ ok: false });
    expect(on('overlay', 6, 18)).to.include({ ok: false, reason: 'overlay cannot be idmapped' });
  });

  it('is for nobody in a zone but him who has mounted the file system', () => {
    const inZone = (fsType: string, superOptions: string[]) =>
      idmapVerdict({ fsType, mountPoint: '/x', superOptions }, { major: 6, minor: 18, isInner: true });
    expect(inZone('ext4', ['rw']).reason).to.match(/^ext4 at \/x was mounted outside this zone.*EPERM/);
    expect(inZone('tmpfs', ['rw', 'size=1024k'])).to.include({ ok: false });
    expect(inZone('tmpfs', ['rw', 'uid=268435456', 'gid=268435456'])).to.include({ ok: true });
  });
});

describe('canIdmap', () => {
  it('says on which mount a path lies', async () => {
    expect(await canIdmap('/proc/self', { major: 6, minor: 18 })).to.include({
      ok: false,
      fsType: 'proc',
      mountPoint: '/proc',
    });
  });

  it('fails for a path that is not there', async () => {
    const error = await canIdmap('/does/not/exist', { major: 6, minor: 18 }).catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'ENOENT' });
  });
});
