/** Copying files between the host and zones, running and stopped, past every trap that a zone can set. */
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { givenHost } from '../helpers/given.js';
import { expectNothingLeftNow, isThere } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

for (const state of ['running', 'stopped'] as const) {
  describe(`cp with a zone that is ${state}`, () => {
    let zone: Zone;
    let out: string;
    const given = givenHost({ images: ['busybox'] }, async (host) => {
      zone = await host.run({ name: 'box', image: 'busybox', net: 'none' });
      out = await host.file('out');
      await sh(
        zone,
        `mkdir -p /data/sub; echo deep > /data/sub/file; echo secret > /data/mine; chmod 640 /data/mine
         ln -s /etc/hostname /data/link; ln -s ../../../../../../../etc/shadow /data/climb; mkfifo /data/fifo; ln /data/mine /data/hard
         ln -s ${host.directory}/trap /trap; ln -s / /root-link; ln -s ${host.directory} /abs; chown 1000:1000 /data/sub/file`,
      );
      if (state === 'stopped') await zone.stop();
    });
    /** Looks inside, whatever the state is. */
    const inside = async (script: string) => {
      if (state === 'stopped') await zone.start();
      try {
        return await sh(zone, script);
      } finally {
        if (state === 'stopped') await zone.stop({ force: true });
      }
    };

    it('a file goes in, and belongs to root of the zone', async () => {
      const source = await given.host.file('in.txt', 'from the host\n', 0o750);
      await given.host.ok(['cp', source, 'box:/root/']);
      expect(await inside('cat /root/in.txt; stat -c "%u:%g %a" /root/in.txt')).to.equal('from the host\n0:0 750');
    });

    it('a file goes in under another name, and over an older one', async () => {
      const source = await given.host.file('new.txt', 'newer\n');
      await given.host.ok(['cp', source, 'box:/root/renamed.txt']);
      await given.host.ok(['cp', await given.host.file('newest.txt', 'newest\n'), 'box:/root/renamed.txt']);
      expect(await inside('cat /root/renamed.txt')).to.equal('newest');
    });

    it('a directory goes in with all that is in it', async () => {
      const source = await given.host.file('tree');
      await mkdir(join(source, 'a/b'), { recursive: true });
      await writeFile(join(source, 'a/b/leaf'), 'leaf\n');
      await symlink('a/b/leaf', join(source, 'link'));
      await given.host.ok(['cp', source, 'box:/root']);
      expect(await inside('cat /root/tree/a/b/leaf; readlink /root/tree/link')).to.equal('leaf\na/b/leaf');
    });

    it('a file comes out', async () => {
      await given.host.ok(['cp', 'box:/data/mine', out]);
      const copy = join(out, 'mine');
      expect(await readFile(copy, 'utf8')).to.equal('secret\n');
      const { uid, mode } = await stat(copy);
      expect([uid, mode & 0o777]).to.deep.equal([0, 0o640]);
    });

    it('a directory comes out; links stay links', async () => {
      await given.host.ok(['cp', 'box:/data', out]);
      expect(await readFile(join(out, 'data/sub/file'), 'utf8')).to.equal('deep\n');
      expect(await readlink(join(out, 'data/link'))).to.equal('/etc/hostname');
      expect((await lstat(join(out, 'data/climb'))).isSymbolicLink()).to.equal(true);
    });

    it('a link in the zone that points out of it leads nowhere, going in', async () => {
      await given.host.file('trap', 'stays\n');
      const source = await given.host.file('evil.txt', 'evil\n');
      await given.host.cli(['cp', source, 'box:/trap']);
      await given.host.cli(['cp', source, 'box:/abs/']);
      await given.host.cli(['cp', source, 'box:/abs/evil-too']);
      expect(await readFile(join(given.host.directory, 'trap'), 'utf8')).to.equal('stays\n');
      expect(await isThere(join(given.host.directory, 'evil-too'))).to.equal(false);
    });

    it('and coming out: what is copied is never a file of the host', async () => {
      await given.host.file('host-secret', 'of the host alone\n', 0o600);
      const target = await given.host.file(`climb-${state}`);
      await given.host.cli(['cp', 'box:/data/climb', target]);
      await given.host.cli(['cp', 'box:/abs/host-secret', target]);
      await given.host.cli(['cp', 'box:/root-link/etc/hostname', target]);
      for (const name of await readdir(target)) {
        const path = join(target, name);
        if (!(await lstat(path)).isFile()) continue;
        expect(await readFile(path, 'utf8')).not.to.match(/of the host alone|root:/);
      }
    });

    it('a link of the host at the destination is not written through', async () => {
      const target = await given.host.file(`links-${state}`);
      const victim = await given.host.file(`victim-${state}`, 'stays\n');
      await symlink(victim, join(target, 'mine'));
      await given.host.cli(['cp', 'box:/data/mine', target]);
      expect(await readFile(victim, 'utf8')).to.equal('stays\n');
    });

    it('what is not there is PATH_NOT_FOUND, and a bad place too', async () => {
      for (const args of [
        ['cp', 'box:/no/such', out],
        ['cp', '/no/such', 'box:/root'],
        ['cp', await given.host.file('x', 'x'), 'box:/no/such/place/'],
        // More than a pipe holds: the packer still writes when the unpacker ends.
        ['cp', await given.host.file('much', Buffer.alloc(2_000_000, 'x')), 'box:/no/such/place/'],
      ]) {
        const { status, stderr } = await given.host.cli(['-o', 'json', ...args]);
        expect(status, `${args.join(' ')} ${stderr}`).to.equal(3);
        expect((JSON.parse(stderr) as { error: { code: string } }).error.code).to.equal('PATH_NOT_FOUND');
      }
      expect((await given.host.cli(['cp', '/etc/hostname', out])).status).to.equal(2);
      expect((await given.host.cli(['cp', 'nobody:/x', out])).status).to.equal(3);
    });

    it('much data is copied whole', async () => {
      const big = await given.host.file('big', Buffer.alloc(20_000_000, '0123456789'));
      await given.host.ok(['cp', big, 'box:/root/big']);
      await given.host.ok(['cp', 'box:/root/big', join(out, 'big-again')]);
      const [one, two] = [await readFile(big), await readFile(join(out, 'big-again'))];
      expect(one.equals(two)).to.equal(true);
    });

    it(`leaves the zone ${state}, and nothing else`, async () => {
      const before = await given.host.snapshot();
      await given.host.ok(['cp', 'box:/data/mine', join(out, 'again')]);
      expect((await zone.status()).status).to.equal(state);
      const { files: _now, ...rest } = before;
      await expectNothingLeftNow({ ...rest, files: [] }, { ...given.host.snapshotOptions, directories: [] });
    });
  });
}

describe('cp into a zone', () => {
  const given = givenHost({ images: ['busybox'] });

  it('that has a read-only root is refused, and a mount of it is written', async () => {
    const data = await given.host.file('data');
    await chmod(data, 0o755);
    await using zone = await given.host.run({
      image: 'busybox',
      net: 'none',
      readOnly: true,
      mount: [`${data}:/data`],
    });
    const source = await given.host.file('f', 'f\n');
    expect((await given.host.cli(['cp', source, `${zone.name}:/root/`])).status).to.be.greaterThan(0);
    await given.host.ok(['cp', source, `${zone.name}:/data/`]);
    expect(await readFile(join(data, 'f'), 'utf8')).to.equal('f\n');
  });
});
