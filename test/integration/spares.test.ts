/** Spares: zones that are prepared in advance for whoever claims one. */
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { lockSpares, readPrepared } from '../../src/state/index.js';
import { signalTo } from '../helpers/alive.js';
import { startNative } from '../helpers/both-ways.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { expectNothingLeftNow, isThere, type Snapshot } from '../helpers/snapshot.js';

interface Listed {
  readonly name: string;
  readonly status: string;
}

interface Claimed {
  readonly name: string;
  readonly pid: number;
  readonly wasSpare: boolean;
}

interface Pool {
  readonly image: string;
  readonly size: number;
  readonly ready: number;
}

describe('spares', function () {
  this.timeout(patience(180_000));
  let before: Snapshot;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    // The default network and the files that all have in common are there before what is compared.
    await host.ok(['create', 'neighbour', '--image', 'busybox']);
    await host.ok(['spare', 'set', 'busybox', '--size', '1']);
    await host.ok(['spare', 'set', 'busybox', '--size', '0']);
    before = await host.settledSnapshot(0);
  });

  afterEach('all of it can be taken back', async () => {
    const { host } = given;
    await host.ok(['spare', 'set', 'busybox', '--size', '0']);
    const others = (await zones()).filter(({ name }) => name !== 'neighbour').map(({ name }) => name);
    if (others.length > 0) await host.ok(['delete', '--force', ...others]);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('of a mode that is not the default one are warned of when they are kept, and when one is taken', async () => {
    const { host } = given;
    for (const [flags, text] of [
      [['--nesting'], 'may make user namespaces'],
      [['--userns', 'host'], 'has no user namespace'],
      [['--privileged'], 'is privileged'],
    ] as const) {
      const kept = await host.cli(['spare', 'set', 'busybox', '--size', '1', ...flags]);
      expect(kept.status, kept.stderr).to.equal(0);
      expect(kept.stderr).to.include(`warning: each spare of image "busybox" ${text}`);
      for (const program of [startNative, (on: typeof host, args: readonly string[]) => on.start(args)]) {
        const taken = await program(host, ['claim', 'busybox']).ended;
        expect(taken.status, taken.stderr).to.equal(0);
        expect(taken.stderr).to.include(`warning: zone "${taken.stdout.trim()}" ${text}`);
        await full(1);
      }
    }
    const plain = await host.cli(['spare', 'set', 'busybox', '--size', '1']);
    expect(plain.stderr).to.not.include('warning');
    expect((await startNative(host, ['claim', 'busybox']).ended).stderr).to.equal('');
    await full(1);
  });

  const set = (size: number, ...args: string[]) =>
    given.host.ok(['spare', 'set', 'busybox', '--size', `${size}`, ...args]);
  const zones = () => given.host.json<Listed[]>(['list']);
  const spares = async () => (await zones()).filter(({ status }) => status === 'spare').map(({ name }) => name);
  const pools = () => given.host.json<Pool[]>(['spare', 'list']);
  const claim = (...args: string[]) => given.host.json<Claimed>(['claim', 'busybox', ...args]);
  /** Who has claimed one does not wait for the next. */
  const full = (size: number) => eventually(`${size} are ready`, async () => (await pools())[0]?.ready === size);
  const statusOf = async (name: string) => (await zones()).find((zone) => zone.name === name)?.status ?? 'gone';
  /** Nobody makes spares, or takes them apart. */
  const lockedSpares = async () => lockSpares((await given.host.open()).context.roots);
  const preparedOf = async (name: string) => readPrepared((await given.host.open()).context.roots, name);
  const failureOf = async (args: readonly string[]) => {
    const { status, stderr } = await given.host.cli(['-o', 'json', ...args]);
    return { status, ...(JSON.parse(stderr) as { error: { code: string; hint: string } }).error };
  };

  it('are made, listed, and claimed: the zone runs, and the next one is made', async () => {
    expect(await set(2)).to.equal('2 spares of "busybox" are ready\n');
    expect(await pools()).to.deep.equal([{ image: 'busybox', size: 2, ready: 2 }]);
    const ready = await spares();
    expect(ready).to.have.length(2);
    const name = (await given.host.ok(['claim', 'busybox'])).trim();
    expect(ready).to.include(name);
    expect(await statusOf(name)).to.equal('running');
    expect(await given.host.ok(['exec', name, '--', 'hostname'])).to.equal(`${name}\n`);
    await full(2);
    expect(await spares()).to.have.length(2);
    expect(await pools()).to.deep.equal([{ image: 'busybox', size: 2, ready: 2 }]);
  });

  it('are claimed as the process that was prepared', async () => {
    await set(1);
    const [name = ''] = await spares();
    const prepared = await preparedOf(name);
    const claimed = await claim();
    expect(claimed).to.deep.include({ name, pid: prepared?.pid, wasSpare: true });
  });

  it('run a command, whose status and output are those of the claim', async () => {
    await set(1, '--env', 'WHO=spare');
    const { status, stdout, stderr } = await given.host.cli([
      'claim',
      'busybox',
      '--',
      'sh',
      '-c',
      'echo $WHO; exit 7',
    ]);
    expect([status, stdout, stderr]).to.deep.equal([7, 'spare\n', '']);
    expect((await given.host.cli(['claim', 'busybox', '--', '/no/such/program'])).status).to.equal(127);
    await full(1);
  });

  it('claimed from many sides at once are as many different zones', async () => {
    await set(4);
    const ready = await spares();
    const claimed = await Promise.all([1, 2, 3, 4, 5, 6].map(() => claim()));
    expect(new Set(claimed.map(({ name }) => name)).size).to.equal(6);
    expect(new Set(claimed.map(({ pid }) => pid)).size).to.equal(6);
    expect(claimed.filter(({ wasSpare }) => wasSpare)).to.have.length.of.at.least(4);
    // Any will do: of those that were made meanwhile some may have been claimed before one of the first.
    expect([...claimed.map(({ name }) => name), ...(await spares())]).to.include.members(ready);
    for (const { name } of claimed) expect(await statusOf(name)).to.equal('running');
    await full(4);
    expect(await spares()).to.have.length(4);
  });

  it('that are all taken: a zone is made from the beginning, and that is said', async () => {
    await set(1, '--env', 'WHO=spare');
    const [name = ''] = await spares();
    // Whoever claimed one before has a fill under way, which may come late and make it good.
    const lock = await lockedSpares();
    await rm(join(given.host.runRoot, 'spares', 'busybox', name));
    const claiming = given.host.start(['claim', 'busybox', '--', 'sh', '-c', 'echo $WHO']);
    await claiming.seen(/spare\n/).finally(() => lock.release());
    const { stdout, stderr } = await claiming.ended;
    expect(stdout).to.equal('spare\n');
    expect(stderr).to.match(/^note: no spare was left; zone "[^"]+" was made for you\n$/);
    expect(await statusOf(name), "a spare without a ticket is nobody's").to.equal('gone');
    expect(await spares()).to.have.length(1);
  });

  it('that are too many go, and nothing is left of them', async () => {
    const { host } = given;
    await set(3);
    await set(1);
    expect(await spares()).to.have.length(1);
    expect(await host.ok(['spare', 'set', 'busybox', '--size', '0'])).to.equal(
      'no spares are kept of image "busybox"\n',
    );
    expect(await pools()).to.deep.equal([]);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('are made anew when their options change, and stay when they do not', async () => {
    await set(2, '--memory', '64M');
    const first = await spares();
    await set(2, '--memory', '64M');
    expect(await spares()).to.deep.equal(first);
    await set(2, '--memory', '96M');
    const second = await spares();
    expect(second.filter((name) => first.includes(name))).to.deep.equal([]);
    const { name } = await claim();
    expect(await given.host.ok(['get', name, 'memory', '-o', 'json'])).to.include(`${96 << 20}`);
  });

  it('that cannot be made leave all as it was', async () => {
    await set(1, '--env', 'WHO=first');
    for (const [args, code] of [
      [['--memory', '1K'], 'SPEC_INVALID'],
      [['--mount', '/no/such/directory:/srv'], undefined],
      // Two zones cannot have one port.
      [['-p', `${await takePort()}:80`], 'PORT_IN_USE'],
    ] as const) {
      const failed = await failureOf(['spare', 'set', 'busybox', '--size', '2', ...args]);
      expect(failed.status, args.join(' ')).to.be.greaterThan(0);
      if (code !== undefined) expect(failed.code).to.equal(code);
      expect((await pools())[0]?.size, args.join(' ')).to.equal(1);
      await given.host.ok(['spare', 'fill']);
      expect(await given.host.ok(['claim', 'busybox', '--', 'sh', '-c', 'echo $WHO'])).to.equal('first\n');
    }
    expect((await failureOf(['spare', 'set', 'no-such-image', '--size', '1'])).code).to.equal('IMAGE_NOT_FOUND');
    expect(await pools()).to.have.length(1);
  });

  it('come back after a reboot; what was claimed is a stopped zone then', async () => {
    const { host } = given;
    for (const way of [['spare', 'fill'], ['boot']]) {
      await set(2);
      const { name: claimed } = await claim();
      await full(2);
      const ready = await spares();
      await reboot();
      expect(await statusOf(claimed)).to.equal('stopped');
      await host.ok(way);
      const fresh = await spares();
      expect(fresh).to.have.length(2);
      expect(fresh.filter((name) => ready.includes(name))).to.deep.equal([]);
      expect(await statusOf(claimed)).to.equal('stopped');
      await host.ok(['start', claimed]);
      expect(await host.ok(['exec', claimed, '--', 'hostname'])).to.equal(`${claimed}\n`);
    }
  });

  /** As far as one can: all processes of the host's zones are dead, and the run-time side is empty. */
  async function reboot(): Promise<void> {
    const { host } = given;
    // A fill that is under way, or comes late, would go on.
    await using _lock = await lockedSpares();
    for (const pid of await monitors()) process.kill(pid, 'SIGKILL');
    await eventually('all are dead', async () => (await monitors()).length === 0);
    // Groups and ports would be gone; here they are taken back as the next command does after any death of a monitor.
    await eventually('it is cleaned up', async () => (await zones()).every(({ status }) => status === 'stopped'));
    for (const entry of await readdir(host.runRoot)) await rm(join(host.runRoot, entry), { recursive: true });
  }

  async function monitors(): Promise<number[]> {
    const names = await readdir(join(given.host.runRoot, 'zones'));
    const records = await Promise.all(
      names.flatMap((name) =>
        ['running.json', 'prepared.json'].map((file) =>
          readFile(join(given.host.runRoot, 'zones', name, file), 'utf8').catch(() => '{}'),
        ),
      ),
    );
    const pids = records.flatMap((text) => (JSON.parse(text) as { monitorPid?: number }).monitorPid ?? []);
    const alive = await Promise.all(pids.map(async (pid) => (await isThere(`/proc/${pid}/exe`)) && isMonitor(pid)));
    return pids.filter((_, index) => alive[index]);
  }

  const isMonitor = async (pid: number) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return stat.includes('(tszone') && !stat.includes(') Z ');
  };

  it('are not started by boot, whatever the zones that they become want', async () => {
    await set(2, '--restart', 'always', '--autostart', 'yes');
    const { name: claimed } = await claim();
    await full(2);
    await given.host.ok(['set', claimed, '--restart', 'no']);
    await reboot();
    const booted = await given.host.json<{ name: string; started: boolean }[]>(['boot']);
    expect(booted).to.deep.equal([{ name: claimed, started: true }]);
    expect(await spares()).to.have.length(2);
    expect(await zones()).to.have.length(4);
  });

  it('of an image without a pool are not found, and the hint says what to do', async () => {
    for (const image of ['busybox', 'constructor', '__proto__']) {
      const { status, code, hint } = await failureOf(['claim', image]);
      expect([status, code]).to.deep.equal([125, 'SPARE_NOT_FOUND']);
      expect(hint).to.equal(`Run "tszone spare set ${image} --size 2" first, or "tszone run -d ${image}".`);
    }
  });

  it('that died are made anew by fill, and claimed all the same before', async () => {
    await set(2);
    const [dead = '', other = ''] = await spares();
    signalTo((await preparedOf(dead))?.monitorPid, 'SIGKILL');
    await eventually('it is prepared no more', async () => (await preparedOf(dead)) === undefined);
    await given.host.ok(['spare', 'fill']);
    expect(await spares())
      .to.have.length(2)
      .and.include(other)
      .and.not.include(dead);
  });

  it('that somebody deletes, renames or starts by their name are no longer claimed, and they are his', async () => {
    const { host } = given;
    await set(4);
    const [deleted = '', started = '', renamed = ''] = await spares();
    await host.ok(['delete', deleted]);
    await host.ok(['start', started]);
    await host.ok(['rename', renamed, 'mine']);
    expect((await claim()).name).not.to.be.oneOf([deleted, started, renamed, 'mine']);
    await host.ok(['spare', 'fill']);
    expect(await statusOf(started)).to.equal('running');
    await host.ok(['stop', '--force', started]);
    await host.ok(['spare', 'fill']);
    expect([await statusOf(started), await statusOf('mine')]).to.deep.equal(['stopped', 'stopped']);
    expect(await spares()).to.have.length(4);
  });

  it('whose command is missing: the claim says so, and leaves no zone that nobody knows of', async () => {
    await set(1, '--', '/no/such/program');
    const { status, code } = await failureOf(['claim', 'busybox']);
    expect([status, code]).to.deep.equal([127, 'KERNEL_STEP_FAILED']);
    await given.host.ok(['spare', 'fill']);
    expect((await zones()).filter(({ status: one }) => one !== 'spare').map(({ name }) => name)).to.deep.equal([
      'neighbour',
    ]);
  });

  it('of a claim that was killed: one that runs is an ordinary zone, one that is about to is left alone', async () => {
    await set(2);
    const [started = '', waiting = ''] = await spares();
    const { runRoot } = given.host;
    for (const name of [started, waiting])
      await rename(join(runRoot, 'spares', 'busybox', name), join(runRoot, 'claimed', name));
    await given.host.ok(['start', started]);
    await given.host.ok(['spare', 'fill']);
    expect(await readdir(join(runRoot, 'claimed'))).to.deep.equal([waiting]);
    expect([await statusOf(started), await statusOf(waiting)]).to.deep.equal(['running', 'spare']);
    expect(await readdir(join(runRoot, 'spares', 'busybox')))
      .to.have.length(2)
      .and.not.include(waiting);
    await rm(join(runRoot, 'claimed', waiting));
    await given.host.ok(['spare', 'fill']);
    expect(await statusOf(waiting)).to.equal('gone');
  });

  it('are filled by several at once without one too many', async () => {
    await set(1);
    await Promise.all([...[1, 2].map(() => given.host.ok(['spare', 'fill'])), ...[1, 2].map(() => claim()), set(3)]);
    await full(3);
    expect(await spares()).to.have.length(3);
    expect((await pools())[0]).to.deep.equal({ image: 'busybox', size: 3, ready: 3 });
  });
});
