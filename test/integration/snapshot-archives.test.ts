/** A snapshot goes where a zone can go: into a file, and into an image; also from a pool whose layers have to be mounted. */
import { join } from 'node:path';
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';

for (const pool of ['default', 'loop-a', 'btrfs-a']) {
  describe(`a snapshot in the pool ${pool}`, () => {
    const needs = (['loop', 'btrfs'] as const).filter((fact) => pool.startsWith(fact));
    const given = givenHost({ images: ['busybox'], needs }, async (host) => {
      const cli = async (...args: string[]) => {
        const { status, stderr } = await host.cli(args);
        expect(status, `${args.join(' ')}: ${stderr}`).to.equal(0);
      };
      if (pool === 'loop-a') await cli('pool', 'create', pool, '--driver', 'loop');
      if (pool === 'btrfs-a') await cli('pool', 'create', pool, '--driver', 'btrfs', '--size', '256M');
      await cli('create', 'web', '--image', 'busybox', '--net', 'none', '--pool', pool);
      await cli('start', 'web');
      await cli('exec', 'web', '--', 'sh', '-c', 'echo then >/state; mkdir /d; echo x >/d/f; rm /etc/shells');
      await cli('stop', 'web', '--force');
      await cli('snapshot', 'create', 'web@before');
      await cli('start', 'web');
      await cli('exec', 'web', '--', 'sh', '-c', 'echo now >/state; rm -r /d; echo new >/etc/shells');
    });
    const look = 'cat /state /d/f; ls /etc/shells 2>/dev/null; echo end';

    const ran = async (...args: string[]) => {
      const { status, stdout, stderr } = await given.host.cli(args);
      expect(status, `${args.join(' ')}: ${stderr}`).to.equal(0);
      return stdout;
    };

    it('is exported and imported while its zone runs on', async () => {
      const file = join(given.host.directory, 'before.tar.zst');
      await ran('export', 'web@before', file);
      await ran('import', file, 'old');
      await ran('start', 'old');
      expect(await ran('exec', 'old', '--', 'sh', '-c', look)).to.equal('then\nx\nend\n');
      expect(await ran('exec', 'web', '--', 'cat', '/state')).to.equal('now\n');
      await ran('delete', '--force', 'old');
    });

    it('becomes an image', async () => {
      // Its own: who runs beside this one has the same images, and who was killed has left some.
      const image = `before-${(await given.host.open()).context.roots.instance}`;
      await ran('publish', 'web@before', image);
      expect(await ran('run', '--rm', '--net', 'none', image, '--', 'sh', '-c', look)).to.equal('then\nx\nend\n');
      await ran('image', 'delete', image);
    });

    it('that is not there is refused, and nothing is written', async () => {
      for (const args of [
        ['export', 'web@gone', '/nowhere/x'],
        ['publish', 'web@gone', 'gone'],
      ]) {
        const { status, stderr } = await given.host.cli(['-o', 'json', ...args]);
        expect(status).to.equal(3);
        expect(stderr).to.contain('SNAPSHOT_NOT_FOUND');
      }
    });

    it('goes with its zone, and leaves a pool that can be deleted', async () => {
      await ran('delete', '--force', 'web');
      if (pool !== 'default') await ran('pool', 'delete', pool);
    });
  });
}
