/** Pools: where what zones write is kept, what they can do, and what is said when they cannot. */
import { existsSync } from 'node:fs';
import { readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import type { PoolDetails, PoolSummary } from '../../src/operations/pool-list.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

async function refusal(host: TempHost, args: readonly string[]): Promise<Refusal> {
  const { status, stderr, stdout } = await host.cli(['-o', 'json', ...args]);
  expect(status, stdout).to.not.equal(0);
  return (JSON.parse(stderr) as { error: Refusal }).error;
}

const drivers = ['overlay', 'btrfs', 'loop'] as const;
const createArgs = (name: string, driver: (typeof drivers)[number]) => [
  ...['pool', 'create', name, '--driver', driver],
  ...(driver === 'btrfs' ? ['--size', '512M'] : []),
];

for (const driver of drivers) {
  describe(`a pool of the driver ${driver}`, function () {
    this.timeout(patience(120_000));
    const given = givenHost(
      { images: ['busybox'], needs: driver === 'overlay' ? [] : [driver] },
      async (host) => void (await host.ok(createArgs('p', driver))),
    );
    const make = async (name: string) => {
      const host = await given.host.open();
      return host.create({ name, image: 'busybox', net: 'none', pool: 'p' });
    };
    const pool = () => given.host.json<PoolDetails>(['pool', 'inspect', 'p']);

    it('keeps what a zone writes, through a stop and a start', async () => {
      const zone = await make('web');
      await zone.start();
      await sh(
        zone,
        'echo one > /root/file; chown 7:8 /root/file; mkdir /srv/d; rm -f /etc/passwd.gone; mv /srv/d /srv/e',
      );
      await zone.stop({ force: true });
      await zone.start();
      expect(await sh(zone, 'cat /root/file; stat -c %u:%g /root/file; ls -d /srv/e')).to.equal('one\n7:8\n/srv/e');
      await zone.delete({ force: true });
    });

    it('gives zones their set-user-id programs and their device nodes', async () => {
      const zone = await (await given.host.open()).run({ name: 'suid', image: 'sparse', net: 'none', pool: 'p' });
      await sh(zone, 'cp /usr/bin/id /srv/id && chmod 4755 /srv/id && echo x > /dev/null');
      expect(await sh(zone, '/srv/id -u; /usr/bin/id -u', { user: '1000' })).to.equal('0\n1000');
      await zone.delete({ force: true });
    });

    it('says which zones are in it, and is not deleted while one is', async () => {
      const zone = await make('inside');
      expect((await pool()).zones).to.deep.equal(['inside']);
      const { code, message, hint } = await refusal(given.host, ['pool', 'delete', 'p']);
      expect([code, message]).to.deep.equal(['POOL_IN_USE', 'zones are kept in pool "p": inside']);
      expect(hint).to.include('tszone set inside --pool default');
      await zone.delete();
      expect((await pool()).zones).to.deep.equal([]);
    });

    it('lets its zones be renamed, prepared and copied into while they are stopped', async () => {
      const { host } = given;
      const zone = await make('before');
      await host.ok(['cp', '/etc/hostname', 'before:/root/copy']);
      await host.ok(['rename', zone.name, 'after']);
      await host.ok(['prepare', 'after']);
      await host.ok(['start', 'after']);
      expect(await sh(await (await host.open()).zone('after'), 'test -s /root/copy; hostname')).to.equal('after');
      await (await (await host.open()).zone('after')).delete({ force: true });
    });

    it('leaves nothing of its zones: neither of those that were deleted nor of throw-away ones', async () => {
      const { host } = given;
      await (await make('first')).delete();
      const before = await host.snapshot();
      await host.ok(['run', '--rm', '--net', 'none', '--pool', 'p', 'busybox', 'sh', '-c', 'echo x > /root/x']);
      const zone = await make('second');
      await zone.start();
      await zone.delete({ force: true });
      await expectNothingLeftNow(before, host.snapshotOptions);
      const { directory } = await pool();
      expect(await readdir(join(directory, 'volumes'))).to.deep.equal([]);
      if (driver !== 'btrfs') return;
      expect(await outputOf('btrfs', ['subvolume', 'list', directory])).to.equal('');
      await eventually('only the quota group of the whole is left', async () => {
        const groups = await outputOf('btrfs', ['qgroup', 'show', '--raw', directory]);
        return groups.match(/^0\/\d+/gm)?.join() === '0/5';
      });
    });

    it('keeps spares', async () => {
      const { host } = given;
      await host.ok(['spare', 'set', 'busybox', '--size', '1', '--pool', 'p', '--net', 'none']);
      const { name } = await host.json<{ name: string }>(['claim', 'busybox']);
      expect((await pool()).zones).to.include(name);
      await host.ok(['spare', 'set', 'busybox', '--size', '0']);
      await host.ok(['delete', '--force', name]);
      expect((await pool()).zones).to.deep.equal([]);
    });

    it('takes a stopped zone over from the default pool, and gives it back, with all that is in it', async () => {
      const host = await given.host.open();
      const zone = await host.create({ name: 'moves', image: 'busybox', net: 'none' });
      await zone.start();
      await fill(zone);
      const files = await listing(zone);
      expect((await refusal(given.host, ['set', 'moves', '--pool', 'p'])).code).to.equal('ZONE_RUNNING');
      await zone.stop({ force: true });
      const rootfs = join(given.host.root, 'zones/moves/rootfs');
      for (const to of ['p', 'default']) {
        await given.host.ok(['set', 'moves', '--pool', to]);
        expect(existsSync(rootfs)).to.equal(to === 'default');
        expect((await pool()).zones).to.deep.equal(to === 'p' ? ['moves'] : []);
        await zone.start();
        expect(await listing(zone)).to.equal(files);
        await zone.stop({ force: true });
      }
      await zone.delete();
    });
  });
}

/** All that a copy could lose. */
const fill = (zone: Zone) =>
  sh(
    zone,
    `cd /root; echo text > file; ln file link; ln -s nowhere soft; mkfifo pipe; mkdir -p deep/er; chmod 3711 deep
     dd if=/dev/urandom of=hole bs=1k seek=4000 count=1 2>/dev/null; chown 12:34 file; chmod 4755 deep/er
     touch -d 2001-02-03T04:05:06 file deep; rm /etc/group; rm -rf /var/spool; mkdir -p /var/spool/new`,
  );
const listing = (zone: Zone) =>
  sh(
    zone,
    `cd /; for f in root/file root/link root/soft root/pipe root/hole; do stat -c '%n %F %a %u:%g %s %h %Y' $f; done
     for f in root/deep root/deep/er var/spool var/spool/new; do stat -c '%n %F %a %u:%g %Y' $f; done
     md5sum root/hole; du -k root/hole | cut -f1; ls etc/group 2>&1; ls var/spool`,
  );

describe('pools', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'], needs: ['loop', 'btrfs'] });
  const refused = (args: readonly string[]) => refusal(given.host, args);

  it('list the default pool, which cannot be deleted, nor made again', async () => {
    const pools = await given.host.json<PoolSummary[]>(['pool', 'list']);
    expect(pools.map(({ name, driver, path }) => [name, driver, path])).to.deep.equal([
      ['default', 'overlay', given.host.root],
    ]);
    expect((await refused(['pool', 'delete', 'default'])).code).to.equal('POOL_IN_USE');
    expect((await refused(['pool', 'create', 'default', '--driver', 'loop'])).code).to.equal('POOL_EXISTS');
  });

  it('are named by the nearest name if there is none, also by a zone that is to be made', async () => {
    await given.host.ok(createArgs('bounded', 'loop'));
    const { code, hint } = await refused(['create', 'z', '--image', 'busybox', '--pool', 'bouded']);
    expect([code, hint]).to.deep.equal(['POOL_NOT_FOUND', 'Did you mean "bounded"? See "tszone pool list".']);
    const { stderr, status } = await given.host.cli(['pool', 'delete', 'bouded']);
    expect([status, stderr.trim()]).to.deep.equal([0, 'note: there is no pool "bouded"; did you mean "bounded"?']);
    await given.host.ok(['pool', 'delete', 'bounded']);
  });

  it('are refused at places where they cannot be', async () => {
    const { host } = given;
    const file = await host.file('file', 'x');
    const taken = await host.file('taken');
    await host.ok(['pool', 'create', 'first', '--driver', 'loop', '--path', taken]);
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['--driver', 'btrfs', '--path', host.directory], 'POOL_UNUSABLE'],
      [['--driver', 'overlay', '--path', '/proc'], 'POOL_UNUSABLE'],
      [['--driver', 'overlay', '--path', file], 'POOL_UNUSABLE'],
      [['--driver', 'loop', '--path', '/nowhere/at/all'], 'POOL_UNUSABLE'],
      [['--driver', 'loop', '--path', join(host.root, 'zones')], 'POOL_UNUSABLE'],
      [['--driver', 'loop', '--path', taken], 'POOL_EXISTS'],
      [['--driver', 'overlay', '--path', join(taken, 'volumes')], 'POOL_EXISTS'],
      [['--driver', 'btrfs'], 'USAGE_BAD_ARGUMENT'],
      [['--driver', 'btrfs', '--size', '1M'], 'USAGE_BAD_ARGUMENT'],
      [['--driver', 'loop', '--size', '1G'], 'USAGE_BAD_ARGUMENT'],
    ];
    const before = await host.snapshot();
    for (const [args, code] of cases) {
      const error = await refused(['pool', 'create', 'other', ...args]);
      expect(error.code, args.join(' ')).to.equal(code);
      expect(error.hint, args.join(' ')).to.match(/\w/);
    }
    await expectNothingLeftNow(before, host.snapshotOptions);
    await host.ok(['pool', 'delete', 'first']);
    expect(await readdir(taken)).to.deep.equal([]);
  });

  it('leave a directory as it was that was there before', async () => {
    const { host } = given;
    const path = await host.file('mine');
    await writeFile(join(path, 'my file'), 'x');
    await host.ok(['pool', 'create', 'guest', '--driver', 'overlay', '--path', path]);
    await host.ok(['run', '--rm', '--net', 'none', '--pool', 'guest', 'busybox', 'true']);
    await host.ok(['pool', 'delete', 'guest']);
    expect(await readdir(path)).to.deep.equal(['my file']);
  });

  it('are shown as a plan that changes nothing', async () => {
    const { host } = given;
    const before = await host.snapshot();
    const plan = await host.ok([...createArgs('later', 'btrfs'), '--dry-run']);
    expect(plan).to.match(/make pool later at .*later\.img/);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('grow while their zones run; those that have no size of their own say what does', async () => {
    const { host } = given;
    await host.ok(createArgs('small', 'btrfs'));
    const zone = await (await host.open()).run({ name: 'big', image: 'busybox', net: 'none', pool: 'small' });
    await host.ok(['pool', 'grow', 'small', '--size', '1G']);
    expect((await host.json<PoolDetails>(['pool', 'inspect', 'small'])).sizeBytes).to.equal(1024 ** 3);
    expect(await sh(zone, "df -k / | tail -1 | awk '{print $2}'")).to.equal(String(1024 ** 2));
    expect((await refused(['pool', 'grow', 'small', '--size', '600M'])).code).to.equal('POOL_CANNOT');
    expect((await refused(['pool', 'grow', 'default', '--size', '1T'])).code).to.equal('POOL_CANNOT');
    await zone.delete({ force: true });
    await host.ok(['pool', 'delete', 'small']);
  });

  it('that are files are mounted again by the first command that needs them, as after a reboot', async () => {
    const { host } = given;
    await host.ok(createArgs('boot', 'btrfs'));
    const zone = await (await host.open()).create({ name: 'again', image: 'busybox', net: 'none', pool: 'boot' });
    await outputOf('umount', [join(host.runRoot, 'pools/boot')]);
    await zone.start();
    expect(await sh(zone, 'echo works')).to.equal('works');
    await zone.stop({ force: true });
    await outputOf('umount', [join(host.runRoot, 'pools/boot')]);
    await zone.delete();
    await host.ok(['pool', 'delete', 'boot']);
  });

  it('that are deleted while all are looked at are neither listed nor in the way', async () => {
    const { host } = given;
    await host.file('root/pools');
    // A name without a record, as it is seen by who has read the names before.
    await symlink('nowhere', join(host.root, 'pools/gone.json'));
    try {
      const pools = await host.json<PoolSummary[]>(['pool', 'list']);
      expect(pools.map(({ name }) => name)).to.deep.equal(['default']);
      await host.ok(createArgs('new', 'loop'));
      await host.ok(['pool', 'delete', 'new']);
    } finally {
      await rm(join(host.root, 'pools/gone.json'));
    }
  });

  it('whose disk has gone say so, are listed, and can be forgotten', async () => {
    const { host } = given;
    const path = await host.file('disk');
    await host.ok(['pool', 'create', 'away', '--driver', 'loop', '--path', path]);
    const zone = await (await host.open()).create({ name: 'lost', image: 'busybox', net: 'none', pool: 'away' });
    await rename(path, `${path}-gone`);
    const { code, message } = await refused(['start', 'lost']);
    expect([code, message]).to.deep.equal(['POOL_UNUSABLE', `pool "away" is not at "${path}"`]);
    expect((await refused(['create', 'more', '--image', 'busybox', '--pool', 'away'])).code).to.equal('POOL_UNUSABLE');
    const listed = (await host.json<PoolSummary[]>(['pool', 'list'])).find(({ name }) => name === 'away');
    expect(listed?.problem).to.equal(`"${path}" is not there`);
    await zone.delete();
    expect((await refused(['pool', 'delete', 'away'])).code).to.equal('POOL_UNUSABLE');
    await host.ok(['pool', 'delete', 'away', '--force']);
    await rm(`${path}-gone`, { recursive: true });
  });

  it('that are full say so, keep nothing half-made, and work again when there is room', async () => {
    const { host } = given;
    await host.ok(['pool', 'create', 'tight', '--driver', 'btrfs', '--size', '128M']);
    const tszone = await host.open();
    const zone = await tszone.run({ name: 'greedy', image: 'busybox', net: 'none', pool: 'tight' });
    const other = await tszone.run({ name: 'other', image: 'busybox', net: 'none' });
    await zone.exec(['sh', '-c', 'dd if=/dev/urandom of=/root/all bs=1M; sync']);
    expect(await sh(other, 'echo fine > /root/f; cat /root/f')).to.equal('fine');
    const stopped = await tszone.create({ name: 'comes', image: 'busybox', net: 'none' });
    await stopped.start();
    await sh(stopped, 'dd if=/dev/urandom of=/root/some bs=1M count=40 2>/dev/null');
    await stopped.stop({ force: true });
    expect((await refused(['set', 'comes', '--pool', 'tight'])).code).to.equal('RESOURCE_DISK_FULL');
    expect((await stopped.inspect()).pool).to.equal('default');
    await sh(zone, 'rm /root/all; sync');
    await host.ok(['set', 'comes', '--pool', 'tight']);
    for (const one of [zone, other, stopped]) await one.delete({ force: true });
    await host.ok(['pool', 'delete', 'tight']);
  });
});
