/** Snapshots and clones in pools of other drivers: the same words do the same there, and nothing is left. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { listPools } from '../../src/operations/pool-list.js';
import { findPoolOf } from '../../src/operations/zone-storage.js';
import { layerDriverOf } from '../../src/storage/index.js';
import { givenHost } from '../helpers/given.js';
import { namesBelow } from '../helpers/names-below.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow, isThere } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

for (const driver of ['btrfs', 'loop', 'overlay'] as const) {
  describe(`snapshots in a pool of the driver ${driver}`, function () {
    this.timeout(patience(120_000));
    const given = givenHost({ images: ['busybox'], needs: driver === 'overlay' ? [] : [driver] }, async (host) => {
      const size = driver === 'btrfs' ? ['--size', '1G'] : [];
      await host.ok(['pool', 'create', 'p', '--driver', driver, ...size]);
      // The directories that all zones share are there before.
      await mkdir(join(host.runRoot, 'snapshots'), { recursive: true, mode: 0o700 });
      await host.ok(['run', '-d', '--name', 'first', '--net', 'none', '--pool', 'p', 'busybox']);
      await host.ok(['delete', '--force', 'first']);
    });
    const bound = driver === 'overlay' ? [] : ['--disk', '64M'];
    const zoneOf = async (name: string): Promise<Zone> => (await given.host.open()).zone(name);
    const content = async (name: string) => sh(await zoneOf(name), 'cat /root/x');
    const layers = async () => {
      const { roots } = (await given.host.open()).context;
      const pool = await findPoolOf(roots, 'p');
      return layerDriverOf(pool).listLayers(pool);
    };

    it('keep a running and a stopped zone as they were, and bring it back to any of both', async () => {
      const { host } = given;
      const before = await host.snapshot();
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', ...bound, 'busybox']);
      const zone = await zoneOf('a');
      await sh(zone, 'echo one > /root/x; chown 3:4 /; rm /etc/group; mkdir -p /srv/d');
      await host.ok(['snapshot', 'create', 'a@runs']);
      await sh(zone, 'echo two > /root/x; rm -r /srv/d');
      await zone.stop({ force: true });
      await host.ok(['snapshot', 'create', 'a@stops']);
      await zone.start();
      await sh(zone, 'echo three > /root/x');
      expect(await host.ok(['snapshot', 'diff', 'a@stops'])).to.include('~ /root/x');
      for (const [name, text] of [
        ['runs', 'one'],
        ['stops', 'two'],
        ['runs', 'one'],
      ] as const) {
        await host.ok(['snapshot', 'restore', `a@${name}`, '--force']);
        expect(await content('a')).to.equal(text);
        expect(await sh(zone, 'stat -c %u:%g /; ls /etc/group 2>/dev/null; ls -d /srv/d 2>/dev/null || true')).to.equal(
          `3:4${text === 'one' ? '\n/srv/d' : ''}`,
        );
      }
      for (const name of ['runs', 'stops']) await host.ok(['snapshot', 'delete', `a@${name}`]);
      await zone.delete({ force: true });
      expect(await layers()).to.deep.equal([]);
      await expectNothingLeftNow(before, host.snapshotOptions);
    });

    it('move to another pool with their zone, and back', async () => {
      const { host } = given;
      const before = await host.snapshot();
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', 'busybox']);
      const zone = await zoneOf('a');
      await sh(zone, 'mkdir /d; echo one | tee /root/x >/d/f; rm /etc/group; ln /root/x /root/hard');
      await host.ok(['snapshot', 'create', 'a@runs']);
      await sh(zone, 'echo two > /root/x; rm -r /d; mkdir /d; echo g >/d/g');
      await zone.stop({ force: true });
      await host.ok(['snapshot', 'create', 'a@stops', '--comment', 'kept']);
      await zone.start();
      await sh(zone, 'echo three > /root/x; rm -r /d');
      await zone.stop({ force: true });
      const look = 'cat /root/x; ls /d /etc/group 2>&1; stat -c %h /root/hard';
      for (const to of ['default', 'p']) {
        const view = (await host.ok(['-q', 'snapshot', 'mount', 'a@runs'])).trim();
        await host.ok(['set', 'a', '--pool', to]);
        expect(await isThere(view)).to.equal(false);
        expect((await layers()).length > 0).to.equal(to === 'p');
        const list = await host.json<{ pool: string; comment?: string }[]>(['snapshot', 'list', 'a']);
        expect(list.map(({ pool, comment }) => [pool, comment])).to.deep.equal([
          [to, undefined],
          [to, 'kept'],
        ]);
        await zone.start();
        const now = await sh(zone, look);
        expect(now)
          .to.match(/^three\n/)
          .and.match(/\/d: No such file/);
        await host.ok(['snapshot', 'create', `a@in-${to}`]);
        for (const [name, text] of [
          ['runs', 'one\n'],
          ['stops', 'two\n'],
        ] as const) {
          await host.ok(['snapshot', 'restore', `a@${name}`, '--force']);
          const was = await sh(zone, look);
          expect(was.slice(0, 4)).to.equal(text);
          expect(was)
            .to.include(name === 'runs' ? '/d:\nf' : '/d:\ng')
            .and.match(/\/etc\/group: No such file/);
        }
        await host.ok(['snapshot', 'restore', `a@in-${to}`, '--force']);
        expect(await sh(zone, look)).to.equal(now);
        await zone.stop({ force: true });
        await host.ok(['snapshot', 'delete', `a@in-${to}`]);
      }
      await zone.delete({ force: true });
      expect(await layers()).to.deep.equal([]);
      await expectNothingLeftNow(before, host.snapshotOptions);
    });

    it('become clones, which are bound as their zone was, and leave nothing when they go', async () => {
      const { host } = given;
      const before = await host.snapshot();
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', ...bound, 'busybox']);
      await sh(await zoneOf('a'), 'echo one > /root/x');
      await host.ok(['snapshot', 'create', 'a@s']);
      await sh(await zoneOf('a'), 'echo two > /root/x');
      await host.ok(['clone', 'a@s', 'b']);
      await host.ok(['clone', 'a', 'c']);
      for (const name of ['b', 'c']) await host.ok(['start', name]);
      expect([await content('b'), await content('c')]).to.deep.equal(['one', 'two']);
      if (bound.length > 0) {
        const full = await (await zoneOf('b')).exec(['dd', 'if=/dev/zero', 'of=/root/all', 'bs=1M', 'count=100']);
        expect(full.stderr).to.match(/No space left|quota exceeded/);
      }
      await sh(await zoneOf('a'), 'echo more > /root/x');
      expect(await content('c')).to.equal('two');
      for (const name of ['a', 'b', 'c']) await host.ok(['delete', '--force', name]);
      expect(await layers()).to.deep.equal([]);
      await expectNothingLeftNow(before, host.snapshotOptions);
      const pools = await listPools((await host.open()).context);
      expect(pools.find(({ name }) => name === 'p')?.zones).to.deep.equal([]);
    });

    it('give a clone its identity without following what its source has put in the way', async () => {
      const { host } = given;
      const [id, keys] = [await host.file('id', 'of the host'), await host.file('keys')];
      const key = await host.file('keys/ssh_host_ed25519_key', 'of the host');
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', 'busybox']);
      await sh(
        await zoneOf('a'),
        `ln -sf ${id} /etc/machine-id; ln -s ${keys} /etc/ssh; mkdir -p /var/lib/dbus/machine-id/full; chmod 751 /etc`,
      );
      await host.ok(['stop', '--force', 'a']);
      await host.ok(['clone', 'a', 'b']);
      for (const path of [id, key]) expect(await readFile(path, 'utf8')).to.equal('of the host');
      expect(await readdir(keys)).to.deep.equal(['ssh_host_ed25519_key']);
      await host.ok(['start', 'b']);
      const looks =
        'stat -c "%F %a" /etc/machine-id /etc; wc -c </etc/machine-id; readlink /etc/ssh; ls /var/lib/dbus/machine-id';
      expect(await sh(await zoneOf('b'), looks)).to.equal(`regular file 444\ndirectory 751\n33\n${keys}\nfull`);
      for (const name of ['a', 'b']) await host.ok(['delete', '--force', name]);
    });

    if (driver === 'btrfs')
      it('write the identity of a clone with whoever looks first, also where nothing has to be mounted for it', async () => {
        const { host } = given;
        const before = await host.snapshot();
        const directory = join(host.runRoot, 'pools/p/below');
        await host.ok(['pool', 'create', 'd', '--driver', 'btrfs', '--path', directory]);
        const { roots } = (await host.open()).context;
        const idOf = async (zone: string) => {
          const text = await readFile(join(roots.root, 'zones', zone, 'zone.json'), 'utf8');
          return JSON.parse(text) as { machineId: string; identityDue?: true };
        };
        await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'd', '--rm', 'busybox']);
        await host.ok(['clone', 'a', 'b']);
        await host.ok(['clone', 'a', 'c']);
        expect(await idOf('b')).to.include({ identityDue: true });
        const archive = join(host.directory, 'b.tar.zst');
        await host.ok(['export', 'b', archive]);
        expect(await idOf('b')).not.to.have.property('identityDue');
        await host.ok(['import', archive, 'i', '--keep-identity', '--pool', 'd']);
        // Of one that never syncs, as throw-away zones do, there is a mark by which an overlay knows.
        const volumes = join(directory, 'volumes');
        expect((await namesBelow(volumes)).filter((path) => path.endsWith('incompat'))).to.have.lengthOf(1);
        for (const zone of ['b', 'c', 'i']) {
          await host.ok(['start', zone]);
          expect(await sh(await zoneOf(zone), 'cat /etc/machine-id')).to.equal((await idOf(zone)).machineId);
        }
        expect((await idOf('i')).machineId).to.equal((await idOf('b')).machineId);
        for (const zone of ['a', 'b', 'c', 'i']) await host.ok(['delete', '--force', zone]);
        await rm(archive);
        await host.ok(['pool', 'delete', 'd']);
        await expectNothingLeftNow(before, host.snapshotOptions);
      });

    it('of a running zone copy what was written since the one before, and show all of it', async () => {
      const { host } = given;
      const before = await host.snapshot();
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', 'busybox']);
      const zone = await zoneOf('a');
      const files = 'find /root /srv /etc /home /bin -type f';
      const look = `find /root /srv /etc /home ! -name machine-id -exec /busybox stat -c "%n %F %a %u:%g %s %Y" {} + | sort; ${files} -exec /busybox md5sum {} + | sort; ls /bin | md5sum`;
      const changes = [
        `mkdir -p /root/kept/deep /root/goes/deep /srv/moves /home/d; head -c 9000000 /dev/urandom >/root/kept/deep/large; echo 1 >/root/kept/changes
         echo x >/root/goes/deep/f; echo y >/srv/moves/y; ln /root/kept/deep/large /root/kept/hard; ln -s large /root/kept/deep/link; rm /etc/group
         rm -r /bin; mkdir /bin; echo z >/bin/z; echo 1 >/home/d/one; chmod 700 /home/d; mknod /root/fifo p`,
        `echo 2 >/root/kept/changes; rm -r /root/goes; mv /srv/moves /srv/moved; echo new >/etc/group; rm -r /home/d; mkdir /home/d; echo 2 >/home/d/two
         echo more >/bin/more; mkdir /root/goes; chown 5:6 /root/kept/deep; touch -d @1000000000 /root`,
        `mv /root/kept/deep/link /root/link; rm /bin/z; rm /etc/group; mkdir /etc/group; echo in >/etc/group/in; rm -r /srv/moved; rm -r /home/d; echo f >/home/d; rm /root/fifo; chmod 711 /root/kept`,
        'true',
      ];
      // Of a busybox without links: each applet by its own name.
      const applets = 'for one in $(/busybox --list); do alias $one="/busybox $one"; done';
      const inBox = async (script: string) =>
        (await zone.exec(['/busybox', 'sh', '-c', `${applets}\n${script}`])).stdout;
      await sh(zone, 'cp /bin/busybox /busybox');
      const shows: string[] = [];
      for (const [at, change] of changes.entries()) {
        await inBox(change);
        shows.push(await inBox(look));
        const { copiedBytes } = await host.json<{ copiedBytes: number }>(['snapshot', 'create', `a@s${at}`]);
        if (driver !== 'btrfs') expect(copiedBytes > 8_000_000, `copied at ${at}: ${copiedBytes}`).to.equal(at === 0);
      }
      expect(new Set(shows).size, shows.join('\n---\n')).to.equal(3);
      for (const at of [3, 0, 2, 1]) {
        await host.ok(['snapshot', 'restore', `a@s${at}`, '--force']);
        expect(await inBox(look), `restored s${at}`).to.equal(shows[at]);
      }
      await host.ok(['snapshot', 'delete', 'a@s0', 'a@s1', 'a@s3']);
      await host.ok(['clone', 'a@s2', 'b']);
      await host.ok(['delete', '--force', 'a']);
      await host.ok(['start', 'b']);
      const clone = await zoneOf('b');
      expect(
        (await clone.exec(['/busybox', 'sh', '-c', 'cat /root/kept/changes /etc/group/in; ls /srv'])).stdout,
      ).to.equal('2\nin\n');
      await host.ok(['delete', '--force', 'b']);
      expect(await layers()).to.deep.equal([]);
      await expectNothingLeftNow(before, host.snapshotOptions);
    });

    it('give a clone an identity of its own before anybody sees its files, and never another one', async () => {
      const { host } = given;
      const before = await host.snapshot();
      const file = join(host.directory, 'b3.tar.zst');
      await host.ok(['run', '-d', '--name', 'a', '--net', 'none', '--pool', 'p', 'busybox']);
      await sh(await zoneOf('a'), 'mkdir -p /etc/ssh; echo of a >/etc/ssh/ssh_host_ed25519_key');
      await host.ok(['stop', '--force', 'a']);
      const keyOf = async (name: string) => {
        await host.ok(['start', name]);
        const text = await sh(await zoneOf(name), 'cat /etc/ssh/ssh_host_ed25519_key.pub');
        await host.ok(['stop', '--force', name]);
        expect(text, name).to.match(/^ssh-ed25519 /);
        return text;
      };
      const names = ['b1', 'b2', 'b3', 'b4', 'b5'] as const;
      for (const name of names) await host.ok(['clone', 'a', name]);
      const out = join(host.directory, 'key.pub');
      await host.ok(['cp', 'b1:/etc/ssh/ssh_host_ed25519_key.pub', out]);
      const keys = [(await readFile(out, 'utf8')).trim()];
      expect(await keyOf('b1')).to.equal(keys[0]);
      await host.ok(['clone', 'b2', 'c', '--keep-identity']);
      keys.push(await keyOf('b2'));
      expect(await keyOf('c')).to.equal(keys[1]);
      await host.ok(['export', 'b3', file]);
      await host.ok(['import', file, 'i', '--keep-identity', '--pool', 'p']);
      keys.push(await keyOf('b3'));
      expect(await keyOf('i')).to.equal(keys[2]);
      await host.ok(['snapshot', 'create', 'b4@new']);
      keys.push(await keyOf('b4'));
      await host.ok(['snapshot', 'restore', 'b4@new']);
      expect(await keyOf('b4')).to.equal(keys[3]);
      await host.ok(['set', 'b5', '--pool', 'default']);
      keys.push(await keyOf('b5'), await keyOf('b5'));
      expect([...new Set(keys)]).to.have.lengthOf(names.length);
      for (const path of [file, out]) await rm(path);
      for (const name of ['a', 'c', 'i', ...names]) await host.ok(['delete', '--force', name]);
      expect(await layers()).to.deep.equal([]);
      await expectNothingLeftNow(before, host.snapshotOptions);
    });
  });
}
