/** Snapshots: what a zone was comes back, exactly, and nothing else happens to it. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { observeBoundaries } from '../../src/operations/boundaries.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { deleteSnapshot } from '../../src/operations/snapshot-delete.js';
import { diffSnapshots } from '../../src/operations/snapshot-diff.js';
import { listSnapshots } from '../../src/operations/snapshot-list.js';
import { mountSnapshot } from '../../src/operations/snapshot-mount.js';
import { pruneSnapshots } from '../../src/operations/snapshot-prune.js';
import { restoreSnapshot, returnToSnapshot } from '../../src/operations/snapshot-restore.js';
import { readSnapshot, readZones } from '../../src/state/index.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh, type TempHost } from '../helpers/temp-host.js';
import { describeTree, makeTree } from '../helpers/trees.js';

/** All that an archive keeps, extended attributes and devices 0:0 included, as one number; sockets it does not. */
const digestOf = (directory: string) =>
  outputOf('sh', [
    '-c',
    'tar --xattrs --xattrs-include=\'*\' --numeric-owner --sort=name --format=posix --pax-option=delete=atime,delete=ctime -C "$0" -cf - . 2>/dev/null | sha256sum',
    directory,
  ]);

describe('snapshots', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'] });
  const context = async () => (await given.host.open()).context;
  const zone = async (name: string, script = ':') => {
    const made = await given.host.run({ name, image: 'busybox', net: 'none' });
    await sh(made, script);
    return made;
  };
  const upperOf = (host: TempHost, name: string) => join(host.root, 'zones', name, 'rootfs/upper');
  const topLayer = async (name: string, snapshot: string) => {
    const { roots } = await context();
    const { layers } = await readSnapshot(roots, name, snapshot);
    return join(roots.root, 'layers', layers[0] ?? '', 'tree');
  };
  const code = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    return error instanceof Error && 'code' in error ? error.code : error;
  };
  const layersLeft = () => readdir(join(given.host.root, 'layers')).catch(() => []);

  it('of a stopped zone bring back its files and its settings, any of them, and newer ones stay', async () => {
    const host = await context();
    const web = await zone('web', 'echo one >/root/file; mkdir /srv/d; ln /root/file /srv/d/hard');
    await web.stop();
    await web.set({ memory: '64M' });
    await createSnapshot(host, 'web', { name: 'first', comment: 'the first' });
    await web.start();
    await sh(web, 'echo two >/root/file; rm -r /srv/d; touch /root/new');
    await web.stop();
    await web.set({ memory: '128M' });
    await createSnapshot(host, 'web', { name: 'second' });
    await restoreSnapshot(host, { zone: 'web', snapshot: 'first' });
    await web.start();
    expect(await sh(web, 'cat /root/file /srv/d/hard; ls /root')).to.equal('one\none\nfile');
    expect((await web.inspect()).spec.memory).to.equal(64 << 20);
    await web.stop();
    await restoreSnapshot(host, { zone: 'web', snapshot: 'second' });
    await web.start();
    expect(await sh(web, 'cat /root/file; ls /root /srv')).to.equal('two\n/root:\nfile\nnew\n\n/srv:');
    expect((await web.inspect()).spec.memory).to.equal(128 << 20);
    const listed = await listSnapshots(host, 'web');
    expect(listed.map(({ name, comment }) => [name, comment])).to.deep.equal([
      ['first', 'the first'],
      ['second', undefined],
    ]);
    await web.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('bring a zone back before what it had written since is removed, for which who comes next waits', async () => {
    const host = await context();
    const web = await zone('back', 'echo one >/root/file');
    await web.stop();
    await createSnapshot(host, 'back', { name: 'first' });
    await web.start();
    await sh(web, 'echo two >/root/file; mkdir /root/many; for i in 1 2 3; do echo $i >/root/many/$i; done');
    await web.stop();
    const seen: string[] = [];
    const before = observeBoundaries(({ operation, step }) => void seen.push(`${operation}: ${step}`));
    try {
      const { result, removed } = await returnToSnapshot(host, { zone: 'back', snapshot: 'first' });
      expect(result).to.include({ zone: 'back', snapshot: 'first', restarted: false });
      expect(seen).to.include('restore: apply state.zone-storage').and.not.include('restore: apply storage.sweep');
      const next = createSnapshot(host, 'back', { name: 'next' });
      await removed;
      await next;
      const [swept, recorded] = ['restore: done', 'snapshot: record'].map((one) => seen.indexOf(one));
      expect(swept).to.be.within(0, recorded ?? 0);
    } finally {
      observeBoundaries(before);
    }
    const { layers } = await readSnapshot(host.roots, 'back', 'first');
    expect(await layersLeft()).to.include.members([...layers]);
    expect((await pruneSnapshots(host)).layers).to.deep.equal([]);
    await web.start();
    expect(await sh(web, 'cat /root/file; ls -A /root')).to.equal('one\nfile');
    await web.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('keep the owner and the mode of the root directory', async () => {
    const host = await context();
    const odd = await zone('odd', 'chmod 1775 /; chown 0:7 /');
    await odd.stop();
    await createSnapshot(host, 'odd', { name: 's' });
    await odd.start();
    expect(await sh(odd, 'stat -c "%a %u:%g" /')).to.equal('1775 0:7');
    await sh(odd, 'chmod 755 /; chown 0:0 /');
    await odd.stop();
    await restoreSnapshot(host, { zone: 'odd', snapshot: 's' });
    await odd.start();
    expect(await sh(odd, 'stat -c "%a %u:%g" /')).to.equal('1775 0:7');
    await odd.delete({ force: true });
  });

  it('of a running zone are exact: owners, modes, times, links, holes, attributes, what is deleted', async () => {
    const host = await context();
    const made = await (await given.host.open()).create({ name: 'full', image: 'busybox', net: 'none' });
    const tree = join(upperOf(given.host, 'full'), 'tree');
    await outputOf('mkdir', [tree]);
    await makeTree(tree);
    await outputOf('truncate', ['-s', '100M', join(tree, 'hole')]);
    await outputOf('perl', [
      '-MIO::Socket::UNIX',
      '-e',
      'IO::Socket::UNIX->new(Local => shift, Listen => 1)',
      join(tree, 's'),
    ]);
    await made.start();
    // Whiteouts and an opaque directory, as overlay makes them.
    await sh(made, 'rm /etc/passwd; rm -r /etc/rc.d; mkdir /etc/rc.d; touch /etc/rc.d/mine');
    const result = await createSnapshot(host, 'full', { name: 's' });
    expect(result.wasRunning).to.equal(true);
    expect(result.copiedBytes).to.be.greaterThan(3_000_000).and.lessThan(4_000_000);
    const copy = await topLayer('full', 's');
    expect(await describeTree(copy)).to.deep.equal(await describeTree(upperOf(given.host, 'full')));
    expect(await digestOf(copy)).to.equal(await digestOf(upperOf(given.host, 'full')));
    expect((await stat(join(copy, 'tree/hole'))).blocks).to.equal(0);
    expect((await stat(join(copy, 'tree/s'))).isSocket()).to.equal(true);
    expect((await stat(join(copy, 'etc/passwd'))).rdev).to.equal(0);
    expect((await made.inspect()).status).to.equal('running');
    await sh(made, 'rm -r /tree /etc/rc.d; echo new >/etc/passwd');
    await restoreSnapshot(host, { zone: 'full', snapshot: 's' }, { force: true });
    expect(await sh(made, 'ls /etc/rc.d /etc/passwd /tree/file 2>&1; cat /tree/file')).to.equal(
      'ls: /etc/passwd: No such file or directory\n/tree/file\n\n/etc/rc.d:\nmine\ncontent',
    );
    await made.delete({ force: true });
  });

  it('of a running zone copy only what was written since the last one', async () => {
    const host = await context();
    const grown = await zone(
      'grown',
      'dd if=/dev/zero of=/root/big bs=1M count=40 2>/dev/null; echo one >/root/a; echo aaa >/root/b; ln /root/a /root/c; sleep 0.1',
    );
    const first = await createSnapshot(host, 'grown', { name: 'one' });
    expect(first.copiedBytes).to.be.greaterThan(40 << 20);
    // The same size and time as before: only the time of change tells.
    await sh(grown, 'touch -r /root/b /tmp/t; echo bbb >/root/b; touch -r /tmp/t /root/b; chmod 600 /root/a');
    const second = await createSnapshot(host, 'grown', { name: 'two' });
    expect(second.copiedBytes).to.be.lessThan(1 << 16);
    const [one, two] = [await topLayer('grown', 'one'), await topLayer('grown', 'two')];
    expect((await stat(join(one, 'root/big'))).ino).to.equal((await stat(join(two, 'root/big'))).ino);
    expect(await readFile(join(one, 'root/b'), 'utf8')).to.equal('aaa\n');
    expect(await readFile(join(two, 'root/b'), 'utf8')).to.equal('bbb\n');
    expect(await describeTree(two)).to.deep.equal(await describeTree(upperOf(given.host, 'grown')));
    expect((await stat(join(one, 'root/a'))).mode & 0o777).to.equal(0o644);
    expect((await stat(join(two, 'root/c'))).ino).to.equal((await stat(join(two, 'root/a'))).ino);
    await deleteSnapshot(host, { zone: 'grown', snapshot: 'one' });
    expect(await readFile(join(two, 'root/big'))).to.have.length(40 << 20);
    await grown.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('of a running zone have every write that was acknowledged before, and no half of a later one', async () => {
    const host = await context();
    const busy = await given.host.run({
      name: 'busy',
      image: 'busybox',
      net: 'none',
      command: [
        'sh',
        '-c',
        'n=0; while :; do n=$((n+1)); echo $n >>/data; fsync /data; echo $n >/new; mv /new /acked; done',
      ],
    });
    await eventually('it writes', async () => Number(await sh(busy, 'cat /acked').catch(() => '0')) > 20);
    for (const name of ['one', 'two', 'three']) {
      const acked = Number(await sh(busy, 'cat /acked'));
      await createSnapshot(host, 'busy', { name });
      const lines = (await readFile(join(await topLayer('busy', name), 'data'), 'utf8')).split('\n').slice(0, -1);
      expect(lines.length).to.be.greaterThanOrEqual(acked);
      expect(lines).to.deep.equal(lines.map((_, index) => String(index + 1)));
      const later = Number(await sh(busy, 'cat /acked'));
      await eventually('it writes on', async () => Number(await sh(busy, 'cat /acked')) > later);
    }
    await busy.delete({ force: true });
  });

  it('can be compared: with one another, and with the zone, running or not', async () => {
    const host = await context();
    const moved = await zone('moved', 'mkdir /d; echo a >/d/a; echo b >/d/b; echo c >/c');
    await createSnapshot(host, 'moved', { name: 'one' });
    await sh(
      moved,
      'rm /d/a /etc/passwd; echo bb >/d/b; echo n >/d/n; rm -r /etc/init.d; mkdir /etc/init.d; mkfifo /p; chmod 600 /c',
    );
    const expected = [
      'changed /c',
      'deleted /d/a',
      'changed /d/b',
      'added /d/n',
      'deleted /etc/init.d/rcS',
      'deleted /etc/passwd',
      'added /p',
    ];
    const changesOf = async (to?: string) => {
      const { changes, added, changed, deleted } = await diffSnapshots(host, { zone: 'moved', from: 'one', to });
      expect([added, changed, deleted], JSON.stringify(changes)).to.deep.equal([2, 2, 3]);
      return changes.map(({ path, change }) => `${change} ${path}`);
    };
    expect(await changesOf()).to.deep.equal(expected);
    await createSnapshot(host, 'moved', { name: 'two' });
    expect(await changesOf('two')).to.deep.equal(expected);
    const stdout = await given.host.ok(['snapshot', 'diff', 'moved@two', 'moved@one']);
    expect(stdout).to.include('+ /etc/passwd\n').and.to.include('3 added, 2 changed, 2 deleted');
    await moved.stop();
    await createSnapshot(host, 'moved', { name: 'three' });
    expect((await changesOf('three')).join()).to.equal(expected.join());
    await moved.delete({ force: true });
  });

  it('made often do not make a start slower: their layers become one, and all can be restored', async () => {
    const host = await context();
    const often = await zone(
      'often',
      'mkdir /d; for n in $(seq 20); do echo $n >/d/$n; done; mkdir /e /f; touch /e/old /f/x',
    );
    for (let at = 1; at <= 20; at += 1) {
      await sh(
        often,
        `rm /d/${at}; echo ${at} >/n; ln /n /d/link${at}; rm -rf /e /f; mkdir /e; echo ${at} >/e/e${at}; rm -f /etc/passwd`,
      );
      if (at === 10) await sh(often, 'echo back >/etc/passwd; touch /f');
      await often.stop({ force: true });
      await createSnapshot(host, 'often', { name: `s${at}` });
      await often.start();
    }
    const { storage } = (await readZones(host.roots)).find(({ spec }) => spec.name === 'often') ?? {};
    expect(storage?.layers.length).to.be.lessThan(17);
    const look = 'ls /d | tr "\\n" " "; echo; cat /n; ls /e; ls /etc/passwd /f 2>&1 | cat';
    const last = await sh(often, look);
    expect(last).to.include('\n20\ne20\nls: /etc/passwd: No').and.to.include('link1 ').and.to.include('link20');
    for (const at of [3, 10, 20]) {
      await restoreSnapshot(host, { zone: 'often', snapshot: `s${at}` }, { force: true });
      const seen = await sh(often, look);
      expect(seen).to.include(`\n${at}\ne${at}\n`).and.to.not.include('e1\n');
      expect(new RegExp(`(^| )${at + 1} `).test(seen), seen).to.equal(at < 20);
      expect(/^link3 /m.test(seen) || seen.includes(' link3 ')).to.equal(true);
      expect(seen.endsWith('/etc/passwd\n/f')).to.equal(at === 10);
    }
    expect(await sh(often, look)).to.equal(last);
    await often.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('can be mounted on the host: read-only, with the owners of the zone, until they are deleted', async () => {
    const host = await context();
    const seen = await zone(
      'seen',
      'echo text >/root/f; cp /bin/busybox /root/su; chmod 4755 /root/su; chown 1000:1000 /root/f',
    );
    const { base } = (await seen.inspect()).ids;
    await createSnapshot(host, 'seen', { name: 's' });
    const before = await given.host.snapshot();
    const { path } = await mountSnapshot(host, { zone: 'seen', snapshot: 's' }, undefined);
    expect(await readFile(join(path, 'root/f'), 'utf8')).to.equal('text\n');
    expect((await stat(join(path, 'root/f'))).uid).to.equal(base + 1000);
    expect((await stat(join(path, 'bin'))).uid).to.equal(base);
    expect(await outputOf('findmnt', ['-no', 'OPTIONS', path])).to.match(/^ro,nosuid,nodev,noexec/);
    const run = await outputOf('sh', ['-c', '"$0" true 2>&1; echo "$?"', join(path, 'root/su')]);
    expect(run).to.include('126');
    expect(await outputOf('sh', ['-c', 'touch "$0" 2>&1 | cat', join(path, 'new')])).to.include('Read-only');
    expect((await mountSnapshot(host, { zone: 'seen', snapshot: 's' }, undefined)).path).to.equal(path);
    const other = await given.host.file('look');
    await mountSnapshot(host, { zone: 'seen', snapshot: 's' }, other);
    await deleteSnapshot(host, { zone: 'seen', snapshot: 's' });
    expect(await readdir(other)).to.deep.equal([]);
    const after = await given.host.snapshot();
    expect(after.mounts).to.deep.equal(before.mounts);
    await createSnapshot(host, 'seen', { name: 's' });
    await mountSnapshot(host, { zone: 'seen', snapshot: 's' }, other);
    await seen.delete({ force: true });
    expect(await readdir(other)).to.deep.equal([]);
  });

  it('of a zone that is paused leave it paused', async () => {
    const host = await context();
    const idle = await zone('idle');
    await idle.pause();
    await createSnapshot(host, 'idle', { name: 's' });
    expect((await idle.inspect()).status).to.equal('paused');
    await idle.delete({ force: true });
  });

  it('of a zone that swaps directories for links meanwhile have nothing of the host', async () => {
    const host = await context();
    const secret = await given.host.file('secret');
    await given.host.file('secret/key', 'of the host');
    const hostile = await zone(
      'hostile',
      `mkdir -p /a/secret /keep; for n in $(seq 300); do mkdir -p /a/d$n/e; echo x >/a/d$n/key; done
       (while :; do mv /a /b; ln -s ${given.host.directory} /a; rm /a; mv /b /a; done) >/dev/null 2>&1 &
       (while :; do mv /a/secret /keep/secret; ln -s ${secret} /a/secret; rm /a/secret; mv /keep/secret /a/secret; done) >/dev/null 2>&1 &
       (while :; do rm -f /a/f; mkfifo /a/f; rm -f /a/f; ln -s ${secret}/key /a/f; done) >/dev/null 2>&1 &`,
    );
    for (let round = 0; round < 8; round += 1) {
      const name = `s${round}`;
      await createSnapshot(host, 'hostile', { name });
      const copy = await topLayer('hostile', name);
      expect(await outputOf('sh', ['-c', 'grep -rs "of the host" "$0" | cat', copy])).to.equal('');
      expect((await readdir(copy)).includes('keep')).to.equal(true);
    }
    await hostile.delete({ force: true });
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('are refused with the nearest name, twice the same name, of throw-away zones', async () => {
    const host = await context();
    const fine = await zone('fine');
    await createSnapshot(host, 'fine', { name: 'before' });
    expect(await code(createSnapshot(host, 'fine', { name: 'before' }))).to.equal('SNAPSHOT_EXISTS');
    expect(await code(createSnapshot(host, 'fine', { name: '../x' }))).to.equal('USAGE_BAD_ARGUMENT');
    const missing = await restoreSnapshot(host, { zone: 'fine', snapshot: 'befor' }).catch((error: unknown) => error);
    expect(hasCode(missing, 'SNAPSHOT_NOT_FOUND') && missing.hint).to.include('fine@before');
    expect(await code(restoreSnapshot(host, { zone: 'fine', snapshot: 'before' }))).to.equal('ZONE_RUNNING');
    await given.host.run({ name: 'gone', image: 'busybox', net: 'none', ephemeral: true });
    expect(await code(createSnapshot(host, 'gone'))).to.equal('ZONE_STATE');
    await fine.stop();
    expect(await code(fine.delete())).to.equal('ZONE_HAS_SNAPSHOTS');
    const { stderr, status } = await given.host.cli(['rename', 'fine', 'finer']);
    expect([status, stderr]).to.deep.equal([0, '']);
    expect((await listSnapshots(host, 'finer')).map(({ name }) => name)).to.deep.equal(['before']);
    await restoreSnapshot(host, { zone: 'finer', snapshot: 'before' });
    expect((await (await (await given.host.open()).zone('finer')).inspect()).spec.name).to.equal('finer');
    await given.host.ok(['delete', '--force', 'finer', 'gone']);
    expect(await layersLeft()).to.deep.equal([]);
  });

  it('go when their time is over, and by the policy only those that have no name of their own', async () => {
    const host = await context();
    const old = await zone('old');
    await old.stop();
    await createSnapshot(host, 'old', { name: 'short', keepMs: 1 });
    await createSnapshot(host, 'old', { name: 'mine' });
    await old.set({ snapshotKeep: '1h' });
    await createSnapshot(host, 'old');
    await createSnapshot(host, 'old');
    const { expired } = await createSnapshot(host, 'old');
    expect(expired.length).to.equal(1);
    const names = (await listSnapshots(host, 'old')).map(({ name }) => name);
    expect(names.length).to.equal(2);
    expect(names[0]).to.equal('mine');
    expect(await pruneSnapshots(host)).to.deep.equal({ snapshots: [], layers: [] });
    await old.delete({ force: true });
  });

  it('do not go when they have just been made, whatever the clock has done since the others', async () => {
    const host = await context();
    const back = await zone('back');
    await back.stop();
    await back.set({ snapshotKeep: '1h' });
    const { name: early } = await createSnapshot(host, 'back');
    const record = join(given.host.root, 'zones/back/snapshots', `${early}.json`);
    const found = JSON.parse(await readFile(record, 'utf8'));
    await writeFile(record, JSON.stringify({ ...found, createdAtMs: found.createdAtMs + 3 * 3_600_000 }));
    const { name, expired } = await createSnapshot(host, 'back');
    expect(expired).to.deep.equal([]);
    expect((await listSnapshots(host, 'back')).map((one) => one.name)).to.have.members([early, name]);
    await back.delete({ force: true });
  });
});
