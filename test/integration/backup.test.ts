/** A zone goes into a repository of restic's and comes back the same; nothing that goes wrong on the way leaves anything. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import type { Backup } from '../../src/operations/backup-list.js';
import { outputOf, program, type RunningCli, runProgram } from '../helpers/cli.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { mountSmallDisk } from '../helpers/small-disk.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';
import { describeZone, makeUgly, uglyProgram } from '../helpers/ugly-tree.js';

const errorOf = ({ stderr }: { readonly stderr: string }) =>
  JSON.parse(stderr.slice(stderr.indexOf('{'))).error as { code: string; hint: string };

/** Times of access are not kept; shown only of nodes. */
const withoutAtime = (line: string) => line.replace(/ a\d+\.\d{9}/, '');

interface Made {
  readonly id: string;
  readonly addedBytes: number;
  readonly sizeBytes: number;
  readonly madeRepository: boolean;
}

/** Of a restored zone they are new. */
const hostKeys = ['/etc/ssh', '/etc/ssh/ssh_host_rsa_key', '/etc/ssh/ssh_host_rsa_key.pub'];

describe('backup', function () {
  this.timeout(patience(120_000));
  let zone: Zone;
  let before: readonly string[];
  let repository: string;
  let password: string;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'busybox', 'restic'] }, async (host) => {
    repository = join(host.directory, 'backups');
    password = await host.file('password', 'correct horse\n', 0o600);
    zone = await host.run({ name: 'web', image: 'busybox', env: { COLOUR: 'red' }, command: ['sleep', '100000'] });
    await makeUgly(zone, await uglyProgram(host));
    await sh(zone, 'rm -r /home; mkdir -p /etc/ssh; echo s > /etc/ssh/ssh_host_rsa_key');
    await sh(zone, 'dd if=/dev/urandom of=/root/big bs=1M count=24 2>/dev/null');
    before = (await describeZone(zone, hostKeys)).map(withoutAtime);
  });
  const flags = () => ['--password-file', password];
  const create = (name: string, ...more: string[]) =>
    given.host.json<Made>(['backup', 'create', name, '--to', repository, ...flags(), ...more]);
  const listed = (...args: string[]) => given.host.json<Backup[]>(['backup', 'list', repository, ...args, ...flags()]);
  const failed = async (...args: string[]) => errorOf(await given.host.cli(['-o', 'json', ...args]));
  const zones = async () => (await (await given.host.open()).list()).map(({ name }) => name);
  const own = async () => JSON.parse(await given.host.ok(['-o', 'json', 'snapshot', 'list'])) as { name: string }[];

  async function storedBytes(): Promise<number> {
    return Number((await outputOf('du', ['-sb', repository])).split('\t')[0]);
  }

  it('of a running zone comes back under another name, file by file, with an identity of its own', async () => {
    const made = await create('web', '--comment', 'before, the "upgrade" = 100 %');
    expect(made.madeRepository).to.equal(true);
    await given.host.ok(['backup', 'restore', repository, made.id, 'back', ...flags()]);
    const back = await (await given.host.open()).zone('back');
    await back.start();
    const is = (await describeZone(back, hostKeys)).map(withoutAtime);
    expect([is.filter((line) => !before.includes(line)), before.filter((line) => !is.includes(line))]).to.deep.equal([
      [],
      [],
    ]);
    expect(await sh(back, 'hostname; echo $COLOUR; ls /etc/ssh; head -1 /etc/ssh/ssh_host_rsa_key')).to.equal(
      'back\nred\nssh_host_rsa_key\nssh_host_rsa_key.pub\n-----BEGIN RSA PRIVATE KEY-----',
    );
    expect(await sh(back, 'cat /etc/machine-id')).to.not.equal(await sh(zone, 'cat /etc/machine-id'));
    await back.delete({ force: true });
    expect(await own()).to.deep.equal([]);
  });

  it('is listed with what it is', async () => {
    const [first, ...others] = await listed();
    expect(others).to.deep.equal([]);
    expect(first).to.include({ zone: 'web', host: hostname(), comment: 'before, the "upgrade" = 100 %' });
    expect(first?.sizeBytes).to.be.greaterThan(12 << 20);
    expect(await listed('other')).to.deep.equal([]);
  });

  it('of a zone whose files were only read and touched adds one piece at most: that with the time of the backup', async () => {
    const first = await storedBytes();
    await sh(zone, 'touch -a -d 2001-01-01 /root/big /bin/busybox; cat /root/big > /dev/null');
    const made = await create('web');
    expect(made.madeRepository).to.equal(false);
    // A piece of restic's is of 8 MiB at most, half a MiB at least, mostly one or two; where it ends depends on the repository.
    expect(made.addedBytes).to.be.lessThan(9 << 20);
    expect((await storedBytes()) - first).to.be.lessThan(9 << 20);
  });

  it('of a zone that writes all the time is of one instant', async () => {
    await sh(
      zone,
      `(i=0; while :; do i=$((i+1)); echo $i > /root/a; echo $i > /root/b; done) >/dev/null 2>&1 &
       until [ -s /root/b ]; do sleep 0.01; done`,
    );
    const { id } = await create('web');
    await given.host.ok(['backup', 'restore', repository, id, 'back', ...flags()]);
    const back = await (await given.host.open()).zone('back');
    await back.start({});
    const [a = 0, b = 0] = (await sh(back, 'cat /root/a /root/b')).split('\n').map(Number);
    // One of the two may just have been emptied.
    if (a > 0 && b > 0) expect(a - b).to.be.within(0, 1);
    await back.delete({ force: true });
    await zone.restart({ force: true });
  });

  it('of a stopped zone and of a snapshot, and the newest one by the name of the zone', async () => {
    await sh(zone, 'rm -f /root/a /root/b; echo then > /root/state');
    await zone.stop({ force: true });
    await given.host.ok(['snapshot', 'create', 'web@then']);
    await zone.start();
    await sh(zone, 'echo now > /root/state');
    await zone.stop({ force: true });
    const now = await create('web');
    await create('web@then');
    for (const [ref, state] of [
      [now.id, 'now'],
      ['web', 'then'],
      ['web@latest', 'then'],
    ] as const) {
      await given.host.ok(['backup', 'restore', repository, ref, 'back', ...flags()]);
      const back = await (await given.host.open()).zone('back');
      await back.start();
      expect(await sh(back, 'cat /root/state'), ref).to.equal(state);
      await back.delete({ force: true });
    }
    expect((await own()).map(({ name }) => name)).to.deep.equal(['then']);
  });

  it('with --keep-identity is the very zone again', async () => {
    await zone.start();
    const look = 'cat /etc/machine-id /etc/ssh/ssh_host_rsa_key; cat /sys/class/net/eth0/address';
    const was = await sh(zone, look);
    await create('web');
    await zone.delete({ force: true });
    await given.host.ok(['backup', 'restore', repository, 'web', '--keep-identity', ...flags()]);
    zone = await (await given.host.open()).zone('web');
    await zone.start();
    expect(await sh(zone, look)).to.equal(was);
  });

  it('from TypeScript', async () => {
    const host = await given.host.open();
    const options = { repository, passwordFile: password };
    const { id } = await zone.backup({ ...options, comment: 'by the library' });
    const last = (await host.backups(options)).at(-1);
    expect([last?.id, last?.comment]).to.deep.equal([id, 'by the library']);
    const { name } = await host.restoreBackup({ ...options, backup: id, name: 'back' });
    expect(await zones()).to.include(name);
    await (await host.zone(name)).delete();
  });

  it('prune keeps what the policy keeps, of each zone, and what is kept can be restored', async () => {
    await given.host.ok(['create', 'other', '--image', 'busybox', '--net', 'none']);
    const other = await create('other');
    const all = await listed();
    const dry = ['backup', 'prune', repository, '--keep', '1d,2h', '--dry-run', ...flags()];
    expect(await given.host.ok(dry)).to.match(/^would remove [1-9]/);
    expect(await listed()).to.deep.equal(all);
    await given.host.ok(['backup', 'prune', repository, '--keep', '1d', ...flags()]);
    const kept = await listed();
    expect(kept.map((one) => one.zone)).to.have.members(['web', 'other']);
    expect(kept.map(({ id }) => id)).to.include.members([other.id, all.findLast((one) => one.zone === 'web')?.id]);
    expect(await given.host.ok(['backup', 'verify', repository, '--read-data', ...flags()])).to.include('2 backups');
    expect((await failed('backup', 'prune', repository, '--keep', '24x', ...flags())).code).to.equal(
      'USAGE_BAD_ARGUMENT',
    );
  });

  it('removes the lock of a killed restic, and no other', async () => {
    const env = { RESTIC_PASSWORD_FILE: password };
    const args = ['-r', repository, '--no-cache', 'backup', '--stdin', '--stdin-filename', 'x'];
    const { spawn } = await import('node:child_process');
    const child = spawn('restic', args, { env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'ignore'] });
    const locks = () => readdir(join(repository, 'locks'));
    // Until it is whole it has another name.
    await eventually('it has a lock', async () => /^[0-9a-f]{64}$/.test((await locks()).join()));
    expect((await failed('backup', 'verify', repository, ...flags())).code).to.equal('LOCK_BUSY');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await locks()).to.have.lengthOf(1);
    await given.host.ok(['backup', 'verify', repository, ...flags()]);
    expect(await locks()).to.deep.equal([]);
  });

  it('refuses by name what it cannot do, and leaves nothing', async () => {
    const nowhere = join(given.host.directory, 'nowhere');
    const wrong = ['--password-file', await given.host.file('wrong', 'wrong\n')];
    const empty = ['--password-file', await given.host.file('empty', '\n')];
    const cases = [
      [['create', 'web', '--to', repository], 'BACKUP_PASSWORD_MISSING'],
      [['create', 'web', '--to', repository, ...empty], 'BACKUP_PASSWORD_MISSING'],
      [['create', 'web', '--to', repository, ...wrong], 'BACKUP_PASSWORD_WRONG'],
      [['create', 'none', '--to', repository, ...flags()], 'ZONE_NOT_FOUND'],
      [['create', 'web@none', '--to', repository, ...flags()], 'SNAPSHOT_NOT_FOUND'],
      [['create', 'web', '--to', given.host.directory, ...flags()], 'BACKUP_REPOSITORY_NOT_FOUND'],
      [['list', repository, ...wrong], 'BACKUP_PASSWORD_WRONG'],
      [['list', nowhere, ...flags()], 'BACKUP_REPOSITORY_NOT_FOUND'],
      [['verify', nowhere, ...flags()], 'BACKUP_REPOSITORY_NOT_FOUND'],
      [['prune', nowhere, '--keep', '1d', ...flags()], 'BACKUP_REPOSITORY_NOT_FOUND'],
      [['restore', repository, 'wed', ...flags()], 'BACKUP_NOT_FOUND'],
      [['restore', repository, '0123abcd', ...flags()], 'BACKUP_NOT_FOUND'],
      [['restore', repository, 'web', ...flags()], 'ZONE_EXISTS'],
      [['restore', repository, 'web', 'new', ...wrong], 'BACKUP_PASSWORD_WRONG'],
    ] as const;
    const was = [await listed(), await zones()];
    for (const [args, code] of cases) {
      const error = await failed('backup', ...args);
      expect(error.code, args.join(' ')).to.equal(code);
      expect(error.hint, args.join(' ')).to.be.a('string');
    }
    expect([await listed(), await zones()]).to.deep.equal(was);
    expect(existsSync(nowhere)).to.equal(false);
    expect((await own()).map(({ name }) => name)).to.not.include('backup-in-progress');
  });

  it('takes the password from the environment', async () => {
    const env = { TSZONE_BACKUP_PASSWORD_FILE: password };
    expect(await given.host.ok(['backup', 'list', repository], { env })).to.include('web');
  });

  it('without restic says which package it is in', async () => {
    const path = (await outputOf('sh', ['-c', 'readlink -f "$(command -v restic)"'])).trim();
    const script = `mount --bind /dev/null ${path} && exec "$@"`;
    const args = ['-o', 'json', 'backup', 'create', 'web', '--to', repository, ...flags()];
    const hidden = await runProgram('unshare', ['-m', 'sh', '-c', script, 'sh', ...program, ...args], {
      env: given.host.env,
    });
    expect(errorOf(hidden)).to.include({ code: 'HOST_TOOL_MISSING', hint: 'Run "apt-get install restic".' });
    expect((await own()).map(({ name }) => name)).to.not.include('backup-in-progress');
  });

  it('on a full disk says so, leaves nothing, and the next run finishes', async () => {
    const place = await given.host.file('small');
    const disk = await mountSmallDisk(place, 8);
    try {
      const error = await failed('backup', 'create', 'web', '--to', place, ...flags());
      expect(error.code).to.equal('RESOURCE_DISK_FULL');
      expect(JSON.parse(await given.host.ok(['-o', 'json', 'backup', 'list', place, ...flags()]))).to.deep.equal([]);
      expect((await own()).map(({ name }) => name)).to.not.include('backup-in-progress');
      await given.host.ok(['backup', 'prune', place, '--keep', '1d', ...flags()]);
      await given.host.ok(['backup', 'create', 'other', '--to', place, ...flags()]);
    } finally {
      await disk.unmount();
    }
  });

  it('damaged, is found by verify, and makes no zone', async () => {
    const place = join(given.host.directory, 'damaged');
    await given.host.ok(['backup', 'create', 'web', '--to', place, ...flags()]);
    const names = await readdir(join(place, 'data'), { recursive: true });
    const sized = await Promise.all(
      names.map(async (name) => [(await stat(join(place, 'data', name))).size, name] as const),
    );
    const path = join(place, 'data', sized.sort(([a], [b]) => b - a)[0]?.[1] ?? '');
    const whole = await readFile(path);
    const bytes = Buffer.from(whole);
    bytes[100_000] = (bytes[100_000] ?? 0) ^ 1;
    await rm(path);
    await writeFile(path, bytes);
    expect((await failed('backup', 'verify', place, '--read-data', ...flags())).code).to.equal('BACKUP_DAMAGED');
    const was = await given.host.snapshot();
    expect((await failed('backup', 'restore', place, 'web', 'new', ...flags())).code).to.equal('BACKUP_DAMAGED');
    expect(await zones()).to.not.include('new');
    await expectNothingLeftNow(was, given.host.snapshotOptions);
    await rm(path);
    expect((await failed('backup', 'verify', place, ...flags())).code).to.equal('BACKUP_DAMAGED');
    await writeFile(path, whole);
    await given.host.ok(['backup', 'verify', place, '--read-data', ...flags()]);
  });
});

/** What a restic that gets no further does last; it ends as restic does. */
const stuckAt = {
  /** Most of its input is stored. */
  backup: 'exec $restic "$@" < <(head -c 40000000; while kill -0 $$; do sleep 0.05; done 2>/dev/null)',
  /** Much of the archive is handed out, and hardly any more comes. */
  dump: 'exec $restic "$@" > >(head -c 20000000; while kill -0 $$ && sleep 0.1; do head -c 65536; done 2>/dev/null)',
  /** There is all but what it writes last. */
  init: `trap 'exit 130' INT; $restic "$@"; rm "\${3#local:}/config"; : > $0.stuck; while :; do sleep 0.05; done`,
} as const;

describe('backup, ended in the midst', function () {
  this.timeout(patience(180_000));
  let crasher: Crasher;
  let zone: Zone;
  let before: Snapshot;
  const given = givenHost({ images: ['busybox'], needs: ['restic'] }, async (host) => {
    crasher = await makeCrasher();
    await writeFile(`${host.root}.password`, 'correct horse\n');
    zone = await host.run({ name: 'web', image: 'busybox', net: 'none' });
    await sh(zone, 'dd if=/dev/urandom of=/root/big bs=1M count=48 2>/dev/null; echo 0 > /root/step');
    await given.host.ok(['backup', 'create', 'web', '--to', `${host.root}.first`, ...flags()]);
    before = await host.snapshot();
  });
  after(async () => crasher?.[Symbol.asyncDispose]());
  const repository = () => `${given.host.root}.backups`;
  const flags = () => ['--password-file', `${given.host.root}.password`];
  const ids = async () => (await given.host.ok(['backup', 'list', '-q', repository(), ...flags()])).split('\n');
  const order = { operation: 'backup', zone: { name: 'web', image: 'busybox' } } as const;
  let stuck: RunningCli | undefined;
  /** A command line whose restic is found in the midst of its work, however long nobody looks. */
  const startStuck = async (at: keyof typeof stuckAt, ...args: string[]) => {
    const restic = (await outputOf('sh', ['-c', 'command -v restic'])).trim();
    const tools = await given.host.file(`stuck-at-${at}`);
    const script = `#!/bin/bash\nrestic=${restic}\n[ "$1" = ${at} ] || exec $restic "$@"\n${stuckAt[at]}\n`;
    await writeFile(join(tools, 'restic'), script, { mode: 0o755 });
    stuck = given.host.start(['backup', ...args, ...flags()], { env: { PATH: `${tools}:${process.env.PATH}` } });
    return stuck;
  };
  // It would be stuck for ever after a test that has failed.
  afterEach(() => stuck?.process.kill('SIGKILL'));
  const resticIsGone = () =>
    eventually('no restic is left', async () => {
      const { stdout } = await runProgram('pgrep', ['-f', `local:${repository()}`]);
      return stdout === '';
    });

  it('killed at any step, it is in the repository as a whole, or not at all; the next one leaves nothing', async () => {
    const steps = await crasher.boundaries(given.host, order);
    expect(steps).to.include.members(['backup: snapshot', 'backup: packed', 'backup: stored', 'backup: done']);
    const mine = [...steps.entries()].filter(([, step]) => step.startsWith('backup: '));
    for (const [at, step] of mine) {
      const was = await ids();
      // Else it would only be said that nothing has changed.
      await sh(zone, `echo ${at} > /root/step`);
      expect(await crasher.killAt(given.host, { ...order, at }), step).to.equal(true);
      await resticIsGone();
      const isIn = (await ids()).length > was.length;
      expect(isIn, step).to.equal(step === 'backup: stored' || step === 'backup: done');
      await given.host.ok(['backup', 'create', 'web', '--to', repository(), ...flags()]);
      await expectNothingLeftNow(before, given.host.snapshotOptions);
    }
    await given.host.ok(['backup', 'verify', repository(), '--read-data', ...flags()]);
    expect(await readdir(join(repository(), 'locks'))).to.deep.equal([]);
  });

  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    it(`ended by ${signal} while it is stored, it is not in the repository`, async () => {
      await rm(repository(), { recursive: true, force: true });
      const running = await startStuck('backup', 'create', 'web', '--to', repository());
      await eventually('pieces of it are stored', async () =>
        (await readdir(join(repository(), 'data'), { recursive: true })).some((name) => /[0-9a-f]{64}$/.test(name)),
      );
      running.process.kill(signal);
      await running.ended;
      await resticIsGone();
      expect(await ids()).to.deep.equal(['']);
      await given.host.ok(['backup', 'create', 'web', '--to', repository(), ...flags()]);
      await expectNothingLeftNow(before, given.host.snapshotOptions);
      await given.host.ok(['backup', 'verify', repository(), '--read-data', ...flags()]);
    });
  }

  it('killed while the repository is made, the next one makes it', async () => {
    await rm(repository(), { recursive: true, force: true });
    const running = await startStuck('init', 'create', 'web', '--to', repository());
    await eventually('nearly all of it is there', () =>
      existsSync(join(given.host.directory, 'stuck-at-init/restic.stuck')),
    );
    expect(await readdir(join(repository(), '.tszone-init')))
      .to.include('keys')
      .and.not.include('config');
    running.process.kill('SIGKILL');
    await running.ended;
    await resticIsGone();
    await given.host.ok(['backup', 'create', 'web', '--to', repository(), ...flags()]);
    expect((await ids()).filter(Boolean)).to.have.lengthOf(1);
    expect(await readdir(join(repository(), 'keys'))).to.have.lengthOf(1);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('killed while it restores, it leaves no zone and no restic', async () => {
    const running = await startStuck('dump', 'restore', repository(), 'web', 'new');
    await eventually('it has begun', () => existsSync(join(given.host.root, 'zones/new/rootfs/upper/root')));
    running.process.kill('SIGKILL');
    await running.ended;
    await resticIsGone();
    await given.host.ok(['list']);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
    await given.host.ok(['backup', 'restore', repository(), 'web', 'new', ...flags()]);
    await given.host.ok(['delete', 'new']);
  });
});
