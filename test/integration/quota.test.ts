/** --disk and --inodes: bounds that hold, seen from inside and from the host; where they cannot hold they are refused. */
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import type { ZoneStatusView } from '../../src/operations/zone-view.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { type Fact, requires } from '../helpers/requires.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

const mebibyte = 1024 ** 2;

async function codeOf(host: TempHost, args: readonly string[]): Promise<string> {
  const { stderr } = await host.cli(['-o', 'json', ...args]);
  return stderr === '' ? 'ok' : (JSON.parse(stderr) as { error: { code: string } }).error.code;
}

/** Writes until it is refused. @returns what it wrote, and what the refusal was */
async function fill(zone: Zone, file: string, megabytes: number): Promise<{ bytes: number; error: string }> {
  const { stderr } = await zone.exec([
    'sh',
    '-c',
    `dd if=/dev/urandom of=${file} bs=64k count=${megabytes * 16}; sync`,
  ]);
  const bytes = Number(await sh(zone, `stat -c %s ${file}`));
  return { bytes, error: /(No space left on device|Disk quota exceeded)/.exec(stderr)?.[1] ?? '' };
}

interface Place {
  readonly driver: string;
  readonly needs: readonly Fact[];
  readonly error: string;
  /** `df` inside shows the bound. */
  readonly isShown: boolean;
  make(host: TempHost): Promise<void>;
  unmake(host: TempHost): Promise<void>;
}

const projectDisk = (host: TempHost) => join(host.directory, 'project');

const places: readonly Place[] = [
  {
    driver: 'loop',
    needs: ['loop'],
    error: 'No space left on device',
    isShown: true,
    make: async (host) => void (await host.ok(['pool', 'create', 'p', '--driver', 'loop'])),
    unmake: async () => {},
  },
  {
    driver: 'btrfs',
    needs: ['btrfs'],
    error: 'Disk quota exceeded',
    isShown: false,
    make: async (host) => void (await host.ok(['pool', 'create', 'p', '--driver', 'btrfs', '--size', '1G'])),
    unmake: async () => {},
  },
  {
    driver: 'overlay with project quotas',
    needs: ['project-quota'],
    error: 'Disk quota exceeded',
    isShown: true,
    make: async (host) => {
      const disk = await host.file('project');
      const image = `${disk}.img`;
      await outputOf('truncate', ['-s', '1G', image]);
      await outputOf('mkfs.ext4', ['-q', '-O', 'quota,project', '-E', 'quotatype=prjquota', image]);
      await outputOf('mount', ['-o', 'loop,prjquota', image, disk]);
      await host.ok(['pool', 'create', 'p', '--driver', 'overlay', '--path', disk]);
    },
    unmake: async (host) => {
      await host.deleteZones();
      await host.ok(['pool', 'delete', 'p']);
      await outputOf('umount', [projectDisk(host)]);
    },
  },
];

for (const { driver, needs, error, isShown, make, unmake } of places) {
  describe(`a quota in a pool: ${driver}`, function () {
    this.timeout(patience(120_000));
    let made = false;
    // Before the end of the host, which could not remove what is mounted in it.
    after(async () => (made ? unmake(given.host) : undefined));
    const given = givenHost({ images: ['busybox'], needs }, async (host) => {
      await make(host);
      made = true;
    });
    const run = async (name: string, disk: string) =>
      (await given.host.open()).run({ name, image: 'busybox', net: 'none', pool: 'p', disk });
    const status = (name: string) => given.host.json<ZoneStatusView>(['status', name]);

    it('holds: the zone writes no more, and its neighbour and the host do not notice', async () => {
      const { host } = given;
      const [zone, neighbour] = [await run('full', '64M'), await run('neighbour', '64M')];
      // Of its own files: others write on the same disk.
      const used = async () => Number((await outputOf('du', ['-sx', '--block-size=1', host.directory])).split('\t')[0]);
      const usedBefore = await used();
      const written = await fill(zone, '/root/all', 100);
      expect(written.error).to.equal(error);
      expect(written.bytes).to.be.within(40 * mebibyte, 64 * mebibyte);
      expect((await used()) - usedBefore).to.be.lessThan(200 * mebibyte);
      expect(await sh(neighbour, 'echo fine > /root/f && sync && cat /root/f')).to.equal('fine');
      await host.ok(['create', 'third', '--image', 'busybox', '--net', 'none', '--pool', 'p', '--disk', '32M']);
      // What is full can be stopped, started, emptied.
      await zone.stop({ force: true });
      await zone.start();
      await sh(zone, 'rm /root/all && sync && echo more > /root/more');
      for (const name of ['full', 'neighbour', 'third']) await host.ok(['delete', '--force', name]);
    });

    it('is shown by status, inspect and list, and by df inside where the driver says so', async () => {
      const { host } = given;
      const zone = await run('shown', '64M');
      const { written, note } = await status('shown');
      expect(note).to.equal('running');
      expect(written?.bytesLimit).to.equal(64 * mebibyte - (driver === 'loop' ? overhead(written?.bytesLimit) : 0));
      expect(written?.isShownInside).to.equal(isShown);
      expect(Number(await sh(zone, "df -k / | tail -1 | awk '{print $2}'")) <= 64 * 1024).to.equal(isShown);
      expect(await host.ok(['get', 'shown', 'disk'])).to.include(String(64 * mebibyte));
      expect(await host.ok(['list', '--columns', 'name,pool,disk'])).to.match(/shown\s+p\s+64M/);
      await fill(zone, '/root/all', 100);
      expect((await status('shown')).note).to.equal('running; its disk is full');
      expect(await host.ok(['status', 'shown'])).to.match(/disk: +\S+ of (64|5\d\.\d)M/);
      await zone.delete({ force: true });
    });

    it('holds for a zone that was spared, prepared, renamed and restarted, too', async () => {
      const { host } = given;
      await host.ok(['create', 'early', '--image', 'busybox', '--net', 'none', '--pool', 'p', '--disk', '32M']);
      await host.ok(['rename', 'early', 'late']);
      await host.ok(['prepare', 'late']);
      await host.ok(['start', 'late']);
      const zone = await (await host.open()).zone('late');
      const written = await fill(zone, '/root/all', 64);
      expect([written.error, written.bytes < 32 * mebibyte + 65_536]).to.deep.equal([error, true]);
      await zone.delete({ force: true });
    });

    it('shrinks no further than to what is written', async () => {
      const { host } = given;
      const zone = await run('shrinks', '128M');
      await sh(zone, 'dd if=/dev/urandom of=/root/kept bs=1M count=20 2>/dev/null; md5sum /root/kept > /root/sum');
      await zone.stop({ force: true });
      await host.ok(['set', 'shrinks', '--disk', '64M']);
      await zone.start();
      expect(await sh(zone, 'md5sum -c /root/sum')).to.equal('/root/kept: OK');
      expect((await fill(zone, '/root/all', 100)).error).to.equal(error);
      await zone.stop({ force: true });
      expect(await codeOf(host, ['set', 'shrinks', '--disk', '16M'])).to.equal('POOL_CANNOT');
      expect(await host.ok(['get', 'shrinks', 'disk'])).to.include(String(64 * mebibyte));
      await zone.start();
      expect(await sh(zone, 'md5sum -c /root/sum')).to.equal('/root/kept: OK');
      await zone.delete({ force: true });
    });

    it('used up, does not keep the zone from being kept, cloned and brought back; a clone without a bound has none', async () => {
      const { host } = given;
      const zone = await run('full', '32M');
      expect((await fill(zone, '/root/all', 40)).error).to.equal(error);
      await host.ok(['snapshot', 'create', 'full@s']);
      await host.ok(['clone', 'full', 'copy']);
      await host.ok(['clone', 'full@s', 'unbound', '--disk', 'unlimited']);
      for (const name of ['copy', 'unbound']) await host.ok(['start', name]);
      const [copy, unbound] = await Promise.all(
        ['copy', 'unbound'].map(async (name) => (await host.open()).zone(name)),
      );
      if (copy === undefined || unbound === undefined) throw new Error('no clones');
      await sh(copy, 'rm /root/all && sync && echo more > /root/more');
      expect((await fill(unbound, '/root/more', 40)).error).to.equal('');
      await zone.stop({ force: true });
      await host.ok(['set', 'full', '--disk', '96M']);
      await host.ok(['snapshot', 'restore', 'full@s']);
      await zone.start();
      expect((await status('full')).written?.bytesLimit).to.be.within(24 * mebibyte, 32 * mebibyte);
      await sh(zone, 'rm /root/all && sync && echo more > /root/more');
      for (const name of ['full', 'copy', 'unbound']) await host.ok(['delete', '--force', name]);
    });

    it('grows while the zone is stopped', async () => {
      const { host } = given;
      const zone = await run('grows', '32M');
      expect((await fill(zone, '/root/all', 40)).error).to.equal(error);
      await zone.stop({ force: true });
      await host.ok(['set', 'grows', '--disk', '96M']);
      await zone.start();
      expect((await fill(zone, '/root/more', 40)).error).to.equal('');
      expect((await fill(zone, '/root/last', 64)).error).to.equal(error);
      await zone.delete({ force: true });
    });

    it('grows while the zone runs', async function () {
      if (driver === 'loop') requires('grow-mounted').call(this);
      const { host } = given;
      const zone = await run('alive', '32M');
      expect((await fill(zone, '/root/all', 40)).error).to.equal(error);
      await host.ok(['set', 'alive', '--disk', '96M']);
      expect((await fill(zone, '/root/more', 40)).error).to.equal('');
      expect((await fill(zone, '/root/last', 64)).error).to.equal(error);
      await zone.delete({ force: true });
    });

    it('is refused live only, or for the next start only', async () => {
      const { host } = given;
      const zone = await run('scoped', '32M');
      expect(await codeOf(host, ['set', 'scoped', '--disk', '96M', '--live'])).to.equal('USAGE_BAD_ARGUMENT');
      expect(await codeOf(host, ['set', 'scoped', '--disk', '96M', '--next-boot'])).to.equal('USAGE_BAD_ARGUMENT');
      await zone.delete({ force: true });
    });
  });
}

/** What an ext4 of 64 MB takes for itself. */
const overhead = (limit: number | undefined) => {
  const bytes = 64 * mebibyte - (limit ?? 0);
  expect(bytes).to.be.within(0, 10 * mebibyte);
  return bytes;
};

for (const { driver, needs, make, unmake } of places.filter(({ driver: one }) => one !== 'btrfs')) {
  describe(`a bound on files in a pool: ${driver}`, function () {
    this.timeout(patience(120_000));
    let made = false;
    // Before the end of the host, which could not remove what is mounted in it.
    after(async () => (made ? unmake(given.host) : undefined));
    const given = givenHost({ images: ['busybox'], needs }, async (host) => {
      await make(host);
      made = true;
    });

    it('holds, also in thousands of empty files, and is shown', async () => {
      const { host } = given;
      const options = ['--net', 'none', '--pool', 'p', '--disk', '64M', '--inodes', '1000'];
      await host.ok(['run', '-d', '--name', 'many', ...options, 'busybox']);
      const zone = await (await host.open()).zone('many');
      const made = await zone.exec([
        'sh',
        '-c',
        'mkdir /root/d; i=0; while : > /root/d/$i; do i=$((i+1)); done; exit 3',
      ]);
      expect(made.stderr).to.match(/No space left on device|Disk quota exceeded/);
      const count = Number(await sh(zone, 'ls /root/d | wc -l'));
      expect(count).to.be.within(900, 1000);
      const { written, note } = await host.json<ZoneStatusView>(['status', 'many']);
      expect(written?.inodesLimit).to.be.within(950, 1000);
      expect(note).to.equal('running; its disk is full');
      expect(Number(await sh(zone, "df -i / | tail -1 | awk '{print $2}'"))).to.be.within(950, 1011);
      await zone.delete({ force: true });
    });
  });
}

describe('a bound that a pool cannot hold', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'], needs: ['loop', 'btrfs'] });
  const create = ['create', 'z', '--image', 'busybox', '--net', 'none'];

  async function refusal(args: readonly string[]): Promise<{ code: string; hint: string }> {
    const { stderr } = await given.host.cli(['-o', 'json', ...args]);
    return (JSON.parse(stderr) as { error: { code: string; hint: string } }).error;
  }

  it('is refused with the pool that could, or how to make one', async function () {
    const { host } = given;
    // Where it could, there is nothing to refuse.
    if ((await host.json<{ abilities: { quota: unknown } }>(['pool', 'inspect', 'default'])).abilities.quota === true)
      this.skip();
    const before = await host.snapshot();
    const first = await refusal([...create, '--disk', '1G']);
    expect(first.code).to.equal('POOL_CANNOT');
    expect(first.hint).to.include('tszone pool create bounded --driver loop');
    await host.ok(['pool', 'create', 'b', '--driver', 'btrfs', '--size', '512M']);
    expect((await refusal([...create, '--disk', '1G'])).hint).to.equal('Pass --pool b.');
    const files = await refusal([...create, '--pool', 'b', '--inodes', '500']);
    expect([files.code, files.hint.includes('--driver loop')]).to.deep.equal(['POOL_CANNOT', true]);
    await host.ok(['pool', 'create', 'l', '--driver', 'loop']);
    expect((await refusal([...create, '--pool', 'b', '--inodes', '500'])).hint).to.equal('Pass --pool l.');
    for (const pool of ['b', 'l']) await host.ok(['pool', 'delete', pool]);
    expect(await host.ok(['list', '-q'])).to.equal('');
    await host.ok(['create', 'plain', '--image', 'busybox', '--net', 'none']);
    expect((await refusal(['set', 'plain', '--disk', '1G'])).code).to.equal('POOL_CANNOT');
    expect(await host.ok(['get', 'plain', 'disk'])).to.not.include('1073741824');
    await host.ok(['delete', 'plain']);
    expect(before.mounts).to.deep.equal((await host.snapshot()).mounts);
  });

  it('is refused where a volume would be too small, or has fewer inodes than it must', async () => {
    const { host } = given;
    await host.ok(['pool', 'create', 'l', '--driver', 'loop']);
    const before = await host.snapshot();
    for (const bounds of [
      ['--disk', '4M'],
      ['--disk', '10G', '--inodes', '100'],
    ])
      expect((await refusal([...create, '--pool', 'l', ...bounds])).code).to.equal('POOL_CANNOT');
    expect((await host.snapshot()).files).to.deep.equal(before.files);
    await host.ok(['pool', 'delete', 'l']);
  });

  it('is refused in a btrfs directory whose quotas are off, with the command that switches them on', async () => {
    const { host } = given;
    const disk = await host.file('disk');
    await outputOf('truncate', ['-s', '256M', `${disk}.img`]);
    await outputOf('mkfs.btrfs', ['-q', `${disk}.img`]);
    await outputOf('mount', ['-o', 'loop', `${disk}.img`, disk]);
    try {
      await host.ok(['pool', 'create', 'off', '--driver', 'btrfs', '--path', disk]);
      const { abilities } = await host.json<{ abilities: { quota: string } }>(['pool', 'inspect', 'off']);
      expect(abilities.quota).to.include(`btrfs quota enable ${disk}`);
      expect((await refusal([...create, '--pool', 'off', '--disk', '32M'])).code).to.equal('POOL_CANNOT');
      await outputOf('btrfs', ['quota', 'enable', disk]);
      await host.ok([...create, '--pool', 'off', '--disk', '32M']);
      await host.ok(['start', 'z']);
      const zone = await (await host.open()).zone('z');
      expect((await fill(zone, '/root/all', 64)).error).to.equal('Disk quota exceeded');
      await zone.delete({ force: true });
      await host.ok(['pool', 'delete', 'off']);
    } finally {
      await outputOf('umount', [disk]);
    }
  });
});
