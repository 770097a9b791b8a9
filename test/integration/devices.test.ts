/** Devices: a zone can make no node, and open none but those that were bound for it. */
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { givenHost } from '../helpers/given.js';

describe('devices of a zone', () => {
  let zone: Zone;
  /** The node is that of zero, which the v1 controller allows: what holds here holds without a controller. */
  givenHost({ images: ['busybox'] }, async (host) => {
    const shared = await host.file('shared');
    execFileSync('mknod', ['-m', '666', `${shared}/zero`, 'c', '1', '5']);
    zone = await host.run({ name: 'devices', image: 'busybox', net: 'none', mount: [`${shared}:/shared`] });
  });
  const run = async (script: string) => {
    const { exitCode, stderr } = await zone.exec(['sh', '-c', script]);
    return { exitCode, stderr };
  };

  it('can be used where they were bound', async () => {
    expect(await run('head -c 1 /dev/zero')).to.include({ exitCode: 0 });
  });

  it('cannot be made', async () => {
    for (const place of ['/', '/dev', '/shared', '/dev/shm'])
      expect((await run(`mknod ${place}/new c 1 5`)).stderr, place).to.match(/not permitted/);
  });

  it('cannot be opened in a directory of the host, whose nodev cannot be taken off', async () => {
    expect((await run('head -c 1 /shared/zero')).stderr).to.match(/denied/);
    expect((await run('mount -o remount,bind,dev,suid /shared')).stderr).to.match(/denied|not permitted/);
    expect((await run('mount -o bind /shared /mnt && mount -o remount,bind,dev /mnt')).exitCode).to.not.equal(0);
    expect((await run('head -c 1 /shared/zero')).stderr).to.match(/denied/);
  });
});
