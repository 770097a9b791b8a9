/** A zone that is prepared: everything of a start is there but the first exec. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { handleZoneExit } from '../../src/operations/handle-exit.js';
import { startZone } from '../../src/operations/start-zone.js';
import { readPrepared, readRunning } from '../../src/state/index.js';
import { isAlive, signalTo } from '../helpers/alive.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { expectNothingLeftNow, isThere, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

interface Details {
  readonly name: string;
  readonly status: string;
  readonly pid?: number;
  readonly exit?: { readonly status: number };
}

interface CliError {
  readonly error: { readonly code: string; readonly hint: string; readonly message: string };
}

describe('a prepared zone', function () {
  this.timeout(patience(120_000));
  let port: number;
  const given = givenHost({ images: ['busybox'], needs: ['nft'] }, async (host) => {
    port = await takePort();
    // The default network is there before what is compared.
    await host.run({ name: 'neighbour', image: 'busybox' });
  });

  afterEach('a test that failed keeps no other from its zones', async () => {
    const names = (await given.host.ok(['list', '-q'])).trim().split('\n');
    const left = names.filter((name) => name !== 'neighbour');
    if (left.length > 0) await given.host.ok(['delete', '--force', ...left]);
  });

  const statusOf = async (name: string) => (await given.host.json<Details>(['inspect', name])).status;
  const failureOf = async (args: readonly string[]) => {
    const { status, stderr } = await given.host.cli(['-o', 'json', ...args]);
    return { status, ...(JSON.parse(stderr) as CliError).error };
  };
  const recordsOf = async (name: string) => {
    const { roots } = (await given.host.open()).context;
    return { prepared: await readPrepared(roots, name), running: await readRunning(roots, name) };
  };
  /** Made, prepared, and gone at the end; nothing of it is left then. */
  async function withPrepared(args: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
    const { host } = given;
    const before = await host.settledSnapshot(1);
    await host.ok(['create', 'ready', '--image', 'busybox', ...args]);
    expect(await host.ok(['prepare', 'ready'])).to.match(/^zone "ready" is prepared; /);
    await work('ready');
    await host.ok(['delete', '--force', 'ready']);
    await expectNothingLeftNow(before, host.snapshotOptions);
  }

  /** Stopped, after it has been prepared once: its log and what a start writes into its root are there. */
  async function createStopped(): Promise<Snapshot> {
    const { host } = given;
    await host.ok(['create', 'ready', '--image', 'busybox', '-p', `${port}:80`, '--memory', '64M']);
    await host.ok(['prepare', 'ready']);
    await host.ok(['stop', 'ready']);
    return host.settledSnapshot(1);
  }

  it('says so, and has run nothing of its command', async () => {
    await withPrepared(['--', 'sh', '-c', 'echo ran > /ran; exec sleep 1000'], async (name) => {
      const { host } = given;
      expect(await statusOf(name)).to.equal('prepared');
      expect(await host.ok(['list', '--columns', 'name,status', '-o', 'csv'])).to.include('ready,prepared\n');
      expect(await host.ok(['status', name])).to.match(/prepared/);
      const { prepared } = await recordsOf(name);
      // The helper's own copy waits there; neither the init nor the command has been executed.
      expect(await readFile(`/proc/${prepared?.pid}/comm`, 'utf8')).not.to.match(/^(sh|sleep|tszone-init)/);
      expect(await isThere(join(host.root, 'zones/ready/rootfs/upper/ran'))).to.equal(false);
    });
  });

  it('starts as the process that it was prepared as, and once', async () => {
    await withPrepared(['--', 'sh', '-c', 'echo ran >> /ran; exec sleep 1000'], async (name) => {
      const { host } = given;
      const { prepared } = await recordsOf(name);
      expect(await host.ok(['start', name])).to.equal('zone "ready" is running\n');
      const { running, prepared: left } = await recordsOf(name);
      expect([running?.pid, running?.startTime]).to.deep.equal([prepared?.pid, prepared?.startTime]);
      expect(left).to.equal(undefined);
      const zone = await (await host.open()).zone(name);
      await eventually('its command runs', async () => (await sh(zone, 'cat /ran')) !== '');
      expect(await sh(zone, 'cat /ran; ip -4 -o addr show eth0 | wc -l')).to.equal('ran\n1');
      expect((await failureOf(['start', name])).code).to.equal('ZONE_RUNNING');
    });
  });

  it('runs once, however soon it is over', async () => {
    const { host } = given;
    await host.ok(['create', 'brief', '--image', 'busybox', '--', 'sh', '-c', 'echo ran']);
    for (let time = 1; time <= 5; time += 1) {
      await host.ok(['prepare', 'brief']);
      await host.ok(['start', 'brief']);
      await host.ok(['wait', 'brief']);
      expect((await host.ok(['logs', 'brief'])).match(/ran/g)).to.have.length(time);
    }
    await host.ok(['delete', 'brief']);
  });

  it('loses no signal that comes before its init waits for them', async () => {
    await withPrepared([], async (name) => {
      const { prepared } = await recordsOf(name);
      signalTo(prepared?.pid, 'SIGTERM');
      await given.host.ok(['start', name]);
      expect(await given.host.ok(['wait', name])).to.include('0');
      expect(await statusOf(name)).to.equal('stopped');
    });
  });

  it('is prepared once; a zone that runs cannot be', async () => {
    await withPrepared([], async (name) => {
      const { host } = given;
      const { prepared } = await recordsOf(name);
      await host.ok(['prepare', name]);
      expect((await recordsOf(name)).prepared).to.deep.equal(prepared);
      await host.ok(['start', name]);
      const { status, code } = await failureOf(['prepare', name]);
      expect([status, code]).to.deep.equal([4, 'ZONE_RUNNING']);
    });
  });

  it('does not run yet for exec, ps and kill', async () => {
    await withPrepared([], async (name) => {
      for (const args of [
        ['exec', name, '--', 'true'],
        ['ps', name],
        ['kill', name],
        ['pause', name],
      ])
        expect((await failureOf(args)).code, args.join(' ')).to.equal('ZONE_NOT_RUNNING');
      expect(await statusOf(name)).to.equal('prepared');
    });
  });

  it('is started as it is by then: what was set since is true', async () => {
    await withPrepared(['--memory', '64M'], async (name) => {
      const { host } = given;
      const { prepared } = await recordsOf(name);
      await host.ok(['set', name, '--memory', '96M', '--hostname', 'renamed']);
      await host.ok(['port', 'add', name, `${port}:80`]);
      await host.ok(['start', name]);
      expect((await recordsOf(name)).running?.pid).not.to.equal(prepared?.pid);
      const zone = await (await host.open()).zone(name);
      expect(await sh(zone, 'hostname')).to.equal('renamed');
      expect((await zone.status()).usage?.memoryLimitBytes).to.equal(96 << 20);
      await sh(zone, 'echo hello > /index.html; httpd -p 80 -h /');
      const page = await eventually('its port is published', async () =>
        (await fetch(`http://127.0.0.1:${port}/index.html`)).text(),
      );
      expect(page).to.equal('hello\n');
    });
  });

  it('keeps its ports: nobody else gets them', async () => {
    const { host } = given;
    await withPrepared(['-p', `${port}:80`], async (name) => {
      await host.ok(['create', 'other', '--image', 'busybox', '-p', `${port}:80`]);
      const { code, message } = await failureOf(['start', 'other']);
      expect([code, message]).to.deep.equal(['PORT_IN_USE', `port "127.0.0.1:${port}/tcp" is in use by zone "ready"`]);
      await host.ok(['start', name]);
      await host.ok(['delete', 'other']);
    });
  });

  for (const [how, args] of [
    ['stop', ['stop', 'ready']],
    ['delete', ['delete', 'ready']],
  ] as const) {
    it(`is taken apart by ${how}, and leaves nothing`, async () => {
      const { host } = given;
      const before = await createStopped();
      await host.ok(['prepare', 'ready']);
      const { prepared } = await recordsOf('ready');
      await host.ok(args);
      await eventually('its first process is gone', () => !isAlive(prepared?.pid ?? -1));
      if (how === 'stop') {
        expect(await statusOf('ready')).to.equal('stopped');
        await expectNothingLeftNow(before, host.snapshotOptions);
        await host.ok(['delete', 'ready']);
      } else {
        expect(await host.ok(['list', '-q'])).to.equal('neighbour\n');
      }
    });
  }

  it('may be renamed and copied into; it is prepared no more then', async () => {
    const { host } = given;
    const before = await host.settledSnapshot(1);
    await host.ok(['create', 'ready', '--image', 'busybox']);
    await host.ok(['prepare', 'ready']);
    await host.ok(['rename', 'ready', 'steady']);
    expect(await statusOf('steady')).to.equal('stopped');
    await host.ok(['prepare', 'steady']);
    await host.ok(['cp', await host.file('note', 'seen\n'), 'steady:/note']);
    expect(await statusOf('steady')).to.equal('stopped');
    await host.ok(['start', 'steady']);
    expect(await host.ok(['exec', 'steady', '--', 'cat', '/note'])).to.equal('seen\n');
    await host.ok(['delete', '--force', 'steady']);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  for (const [who, field] of [
    ['its first process', 'pid'],
    ['its monitor', 'monitorPid'],
  ] as const) {
    it(`is stopped for the next command when ${who} was killed, and nothing is left of the start`, async () => {
      const { host } = given;
      const before = await createStopped();
      await host.ok(['prepare', 'ready']);
      const { prepared } = await recordsOf('ready');
      signalTo(prepared?.[field], 'SIGKILL');
      await eventually('it is prepared no more', async () => (await recordsOf('ready')).prepared === undefined);
      await eventually('it is stopped', async () => {
        const list = await host.json<Details[]>(['list']);
        return list.find(({ name }) => name === 'ready')?.status === 'stopped';
      });
      await eventually('nothing is left', async () => {
        await host.ok(['list']);
        await expectNothingLeftNow(before, host.snapshotOptions, 1000);
        return true;
      });
      await host.ok(['start', 'ready']);
      expect(await host.ok(['exec', 'ready', '--', 'hostname'])).to.equal('ready\n');
      await host.ok(['delete', '--force', 'ready']);
    });
  }

  it('whose command is missing fails at the start as any zone does', async () => {
    const { host } = given;
    await host.ok(['create', 'usual', '--image', 'busybox', '--', '/no/such/program']);
    const usual = await failureOf(['start', 'usual']);
    await withPrepared(['--', '/no/such/program'], async (name) => {
      const failed = await failureOf(['start', name]);
      expect([failed.code, failed.status, failed.message]).to.deep.equal([usual.code, usual.status, usual.message]);
      expect(await statusOf(name)).to.equal('stopped');
    });
    await host.ok(['delete', 'usual']);
  });

  it('started from two sides at once runs once', async () => {
    const { host } = given;
    await host.ok(['create', 'ready', '--image', 'busybox']);
    for (let round = 0; round < 10; round += 1) {
      await host.ok(['prepare', 'ready']);
      const { prepared } = await recordsOf('ready');
      const results = await Promise.all([1, 2].map(() => host.cli(['-o', 'json', 'start', 'ready'])));
      expect(results.map(({ status }) => status).toSorted(), `round ${round}`).to.deep.equal([0, 4]);
      expect(results.find(({ status }) => status === 4)?.stderr).to.include('ZONE_RUNNING');
      expect((await recordsOf('ready')).running?.pid, `round ${round}`).to.equal(prepared?.pid);
      await host.ok(['stop', '--force', 'ready']);
    }
    await host.ok(['delete', 'ready']);
  });

  it('that a user had stopped is, once it runs, no longer one', async () => {
    const { host } = given;
    const { context } = await host.open();
    await host.ok(['create', 'ready', '--image', 'busybox', '--autostart', 'last']);
    await host.ok(['start', 'ready']);
    await host.ok(['stop', '--force', 'ready']);
    await host.ok(['prepare', 'ready']);
    const read = async () => (await (await host.open()).zone('ready')).inspect();
    await startZone(context, 'ready');
    expect((await read()).status).to.equal('running');
    await host.ok(['kill', '-s', 'KILL', 'ready']);
    await host.ok(['wait', '--for', 'stopped', 'ready']);
    const booted = await host.json<{ name: string; started: boolean }[]>(['boot']);
    expect(booted).to.deep.equal([{ name: 'ready', started: true }]);
    await host.ok(['delete', '--force', 'ready']);
  });

  it('is not started, nor taken apart, by what its last run has left to do', async () => {
    const { context } = await given.host.open();
    await withPrepared(['--restart', 'always'], async (name) => {
      const { prepared } = await recordsOf(name);
      expect(await handleZoneExit(context, name)).to.equal('left');
      expect((await recordsOf(name)).prepared).to.deep.equal(prepared);
    });
  });

  it('is what --dry-run says, without doing it', async () => {
    const { host } = given;
    await host.ok(['create', 'ready', '--image', 'busybox']);
    const before = await host.settledSnapshot(1);
    expect(await host.ok(['prepare', '--dry-run', 'ready'])).to.match(/prepared/);
    await expectNothingLeftNow(before, host.snapshotOptions);
    await host.ok(['delete', 'ready']);
  });
});
