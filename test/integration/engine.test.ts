/** The engine: what a client asks of it is what a command of its own would have done. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { zoneGroups } from '../../src/cgroups/index.js';
import { type CliOptions, entry, nativeEntry, type RunningCli, startProgram } from '../helpers/cli.js';
import { startEngine, type TestEngine } from '../helpers/engine.js';
import { givenHost } from '../helpers/given.js';
import { eventually, inTime } from '../helpers/patience.js';

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

/** `undefined`: it has ended meanwhile. */
function commOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Younger files are not kept. */
const keptAfterMs = 150;

interface Listed {
  readonly name: string;
  readonly status: string;
}

describe('an engine', () => {
  const given = givenHost({ images: ['busybox'] });
  let engine: TestEngine | undefined;

  const client = (args: readonly string[], options: CliOptions = {}): RunningCli =>
    startProgram(nativeEntry, args, { ...options, env: { ...given.host.env, ...options.env } });
  const warm = (args: readonly string[], options: CliOptions = {}) => client(args, options).ended;
  const names = async () => (await given.host.json<Listed[]>(['list'])).map(({ name }) => name);
  const running = (): TestEngine => {
    if (engine === undefined) throw new Error('the engine is there in each test');
    return engine;
  };

  before('an engine', async () => {
    engine = await startEngine(given.host);
  });
  after('its end', async () => engine?.[Symbol.asyncDispose]());

  it('does a command without another node process', async () => {
    const attached = client(['run', '--rm', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 60']);
    await attached.seen(/up/);
    expect(readlinkSync(`/proc/${attached.pid}/exe`)).to.equal(nativeEntry);
    attached.process.kill('SIGTERM');
    expect((await attached.ended).status).to.equal(143);
    expect(await names()).to.deep.equal([]);
  });

  it('gives the output, the errors and the exit status that node gives', async () => {
    for (const args of [
      ['list'],
      ['-o', 'json', 'list'],
      ['version'],
      ['inspect', 'nobody'],
      ['-o', 'json', 'inspect', 'nobody'],
      ['start', 'nobody'],
      ['create', 'UPPER', '--image', 'busybox'],
      ['create', 'x', '--image', 'busybox', '--memory', '12Q'],
      ['run', '--rm', 'busybox', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'],
      ['run', '--rm', 'busybox', '--', 'no-such-command'],
      ['run', '--rm', 'busybox', '--', '/etc'],
      ['run', '--rm', 'no-such-image', '--', 'true'],
      ['delete', 'nobody'],
      ['network', 'list'],
      ['frobnicate'],
    ]) {
      const [fromEngine, fromNode] = [await warm(args), await given.host.cli(args)];
      const text = ({ stdout, stderr, status }: typeof fromNode) =>
        JSON.stringify([status, stdout, stderr]).replace(/[a-z]+-[a-z]+-[0-9a-f]{4}/g, 'NAME');
      expect(text(fromEngine), args.join(' ')).to.equal(text(fromNode));
    }
  });

  it('passes stdin, stdout and stderr to the zone themselves', async () => {
    const { status, stdout, stderr } = await warm(['run', '--rm', 'busybox', '--', 'sh', '-c', 'wc -c; echo e >&2'], {
      input: Buffer.alloc(300_000, 1),
    });
    expect([status, stdout, stderr]).to.deep.equal([0, '300000\n', 'e\n']);
  });

  it('prepares and claims; the command of a claim has the stdin, stdout and stderr of its caller', async () => {
    const { host } = given;
    expect((await warm(['spare', 'set', 'busybox', '--size', '1'])).stdout).to.equal(
      '1 spares of "busybox" are ready\n',
    );
    const name = (await warm(['claim', 'busybox'])).stdout.trim();
    expect(await host.ok(['exec', name, '--', 'hostname'])).to.equal(`${name}\n`);
    // The pool is filled behind the claim: the next one waits for that here.
    await host.ok(['spare', 'fill']);
    const script = 'cat; echo err >&2; exit 7';
    const claimed = await warm(['claim', 'busybox', '--', 'sh', '-c', script], { input: 'in\n' });
    expect([claimed.status, claimed.stdout, claimed.stderr]).to.deep.equal([7, 'in\n', 'err\n']);
    expect((await warm(['spare', 'set', 'busybox', '--size', '0'])).status).to.equal(0);
    await host.ok(['delete', '--force', ...(await names())]);
  });

  it('fills the pool behind a claim, without a node of its own', async () => {
    const { host } = given;
    expect((await warm(['spare', 'set', 'busybox', '--size', '1'])).status).to.equal(0);
    const [first] = await names();
    expect((await warm(['claim', 'busybox'])).stdout).to.equal(`${first}\n`);
    const spare = async () => {
      const zones = await host.json<Listed[]>(['list']);
      return zones.find(({ status }) => status === 'spare')?.name;
    };
    const second = await eventually('the pool is full again', spare);
    const { monitorPid } = JSON.parse(readFileSync(join(host.runRoot, 'zones', second, 'prepared.json'), 'utf8'));
    const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${monitorPid}/status`, 'utf8'))?.[1];
    expect(childrenOf(running().pid), 'its monitor was started by the engine').to.include(Number(parent));
    expect((await warm(['spare', 'set', 'busybox', '--size', '0'])).status).to.equal(0);
    await host.ok(['delete', '--force', ...(await names())]);
  });

  it('does a life: create, start, status, set, stop, delete', async () => {
    const { host } = given;
    expect((await warm(['create', 'web', '--image', 'busybox', '--memory', '64M'])).status).to.equal(0);
    expect((await warm(['start', 'web'])).stdout).to.equal('zone "web" is running\n');
    expect(await host.ok(['exec', 'web', '--', 'hostname'])).to.equal('web\n');
    // By the engine's own view of files that another process has changed since.
    await host.ok(['set', 'web', '--memory', '96M']);
    expect((await warm(['get', 'web', 'memory'])).stdout).to.include('100663296');
    expect((await warm(['status', 'web'])).stdout).to.match(/memory: .* of 96M/);
    expect((await warm(['stop', 'web'])).status).to.equal(0);
    expect((await warm(['delete', 'web'])).stdout).to.equal('zone "web" is deleted\n');
    expect(await names()).to.deep.equal([]);
  });

  it('makes snapshots, goes back to them, clones and forks, without a node of its own', async () => {
    const { host } = given;
    const parentOfMonitor = (name: string) => {
      const { monitorPid } = JSON.parse(readFileSync(join(host.runRoot, 'zones', name, 'running.json'), 'utf8'));
      return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${monitorPid}/status`, 'utf8'))?.[1]);
    };
    await warm(['run', '-d', '--name', 'web', '--net', 'none', 'busybox']);
    expect((await warm(['snapshot', 'create', 'web@one'])).stdout).to.match(/^snapshot "web@one" is made; .* copied/);
    await host.ok(['exec', 'web', '--', 'touch', '/root/later']);
    expect((await warm(['snapshot', 'restore', '--force', 'web@one'])).status).to.equal(0);
    expect(childrenOf(running().pid)).to.include(parentOfMonitor('web'));
    expect(await host.ok(['exec', 'web', '--', 'ls', '/root'])).to.equal('');
    expect((await warm(['clone', 'web', 'copy'])).stdout).to.match(/^zone "copy" is a clone of "web"/);
    expect((await warm(['fork', 'web@one', 'trial'])).stdout).to.equal('trial\n');
    expect(childrenOf(running().pid), 'its monitor was started by the engine').to.include(parentOfMonitor('trial'));
    expect((await warm(['snapshot', 'delete', 'web@one'])).status).to.equal(0);
    await host.ok(['delete', '--force', ...(await names())]);
  });

  it('answers a stop when the zone is dead; what it left is for who starts or deletes it to wait for', async () => {
    const { context } = await given.host.open();
    const group = () =>
      zoneGroups({ ...context.roots, layout: context.facts.cgroup, zone: 'brief' }).at(-1)?.path ?? '';
    const statuses = async () =>
      (JSON.parse((await warm(['-o', 'json', 'list'])).stdout) as Listed[]).map(({ status }) => status);
    expect(await warm(['create', 'brief', '--image', 'busybox'])).to.include({ status: 0 });
    for (const then of ['start', 'delete']) {
      expect(await warm(['start', 'brief'])).to.include({ status: 0 });
      // Somebody else's process keeps the monitor from removing the group.
      const holder = spawn('sleep', ['60'], { stdio: 'ignore' });
      mkdirSync(`${group()}/held`);
      writeFileSync(`${group()}/held/cgroup.procs`, String(holder.pid));
      const stopped = await warm(['stop', '--force', 'brief']);
      expect(existsSync(`${group()}/held`)).to.equal(true);
      expect(stopped).to.include({ status: 0, stdout: 'zone "brief" is stopped (it had to be killed)\n' });
      const next = client([then, 'brief']);
      holder.kill('SIGKILL');
      expect(await next.ended).to.include({ status: 0 });
      expect(await statuses()).to.deep.equal(then === 'start' ? ['running'] : []);
      if (then === 'start') expect(await warm(['stop', '--force', 'brief'])).to.include({ status: 0 });
    }
    expect(existsSync(group())).to.equal(false);
  });

  it('lists what is true of each zone by then, whatever it knew before', async () => {
    const { host } = given;
    const seen = async () => {
      const zones = JSON.parse((await warm(['-o', 'json', 'list'])).stdout) as Listed[];
      const expected = await host.json<Listed[]>(['list']);
      expect(zones, 'as node sees it').to.deep.equal(expected);
      return Object.fromEntries(zones.map(({ name, status }) => [name, status]));
    };
    const pidOf = async (zone: string) => (await host.json<{ pid: number }>(['inspect', zone])).pid;
    await host.ok(['create', 'tasks', '--image', 'busybox']);
    for (const zone of ['one', 'two']) await host.ok(['run', '-d', '--name', zone, 'busybox', '--', 'sleep', '600']);
    await host.ok(['start', 'tasks']);
    await sleep(keptAfterMs);
    for (const _ of [1, 2]) expect(await seen()).to.deep.equal({ one: 'running', tasks: 'running', two: 'running' });
    await host.ok(['pause', 'one']);
    await host.ok(['pause', 'tasks']);
    expect(await seen()).to.deep.equal({ one: 'paused', tasks: 'paused', two: 'running' });
    await host.ok(['resume', 'one']);
    await host.ok(['stop', 'tasks']);
    expect(await seen()).to.deep.equal({ one: 'running', tasks: 'stopped', two: 'running' });
    process.kill(await pidOf('two'), 'SIGKILL');
    await host.ok(['wait', 'two', '--for', 'stopped']);
    expect(await seen()).to.deep.equal({ one: 'running', tasks: 'stopped', two: 'stopped' });
    await host.ok(['restart', 'one', '--force']);
    await host.ok(['prepare', 'two']);
    expect(await seen()).to.deep.equal({ one: 'running', tasks: 'stopped', two: 'prepared' });
    await host.ok(['rename', 'tasks', 'other']);
    await host.ok(['start', 'two']);
    expect(await seen()).to.deep.equal({ one: 'running', other: 'stopped', two: 'running' });
    await host.ok(['delete', '--force', 'one', 'two', 'other']);
    expect(await seen()).to.deep.equal({});
  });

  it('lists also when the process that it asks has been killed', async () => {
    const { host } = given;
    await host.ok(['run', '-d', '--name', 'web', 'busybox', '--', 'sleep', '600']);
    expect((await warm(['list', '-q'])).stdout).to.equal('web\n');
    const lookers = childrenOf(running().pid).filter((pid) => commOf(pid) === 'tszone-look\n');
    expect(lookers).to.have.lengthOf(1);
    for (const pid of lookers) process.kill(pid, 'SIGKILL');
    for (const _ of [1, 2]) expect((await warm(['list'])).stdout).to.match(/^web +running/m);
    await host.ok(['delete', '--force', 'web']);
  });

  it('serves many clients at once', async () => {
    const all = Array.from({ length: 8 }, (_, n) => warm(['run', '--rm', 'busybox', '--', 'sh', '-c', `exit ${n}`]));
    expect((await Promise.all(all)).map(({ status }) => status)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await names()).to.deep.equal([]);
  });

  it('ends what a client that dies was attached to', async () => {
    const attached = client(['run', '--rm', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 60']);
    await attached.seen(/up/);
    attached.process.kill('SIGKILL');
    await attached.ended;
    await eventually('the zone is gone', async () => (await names()).length === 0);
  });

  it('also while its zone is still being made, however it ends', async () => {
    const zones = join(given.host.runRoot, 'zones');
    await eventually('no zone waits that was made ahead', () => readdirSync(zones).length === 0);
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const attached = client(['run', '--rm', 'busybox', '--', 'sleep', '600']);
      await inTime('it is begun', () => readdirSync(zones).length > 0);
      attached.process.kill(signal);
      const { status } = await attached.ended;
      expect(status).to.equal(signal === 'SIGKILL' ? 137 : 143);
      await eventually('the zone is gone', async () => (await names()).length === 0 && readdirSync(zones).length === 0);
    }
  });

  it('refuses to be two', async () => {
    const { status, stderr } = await given.host.cli(['engine']);
    expect(status).to.equal(4);
    expect(stderr)
      .to.match(/an engine serves .* already/)
      .and.match(/engine --stop/);
  });

  it('is ignored where TSZONE_ENGINE is off', async () => {
    const attached = client(['run', '--rm', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 60'], {
      env: { TSZONE_ENGINE: 'off' },
    });
    await attached.seen(/up/);
    expect(readlinkSync(`/proc/${attached.pid}/exe`)).to.not.equal(nativeEntry);
    attached.process.kill('SIGTERM');
    await attached.ended;
  });

  it('talks to root only, unless a group is named', async () => {
    const { runRoot, env } = given.host;
    const asNobody = (extra: readonly string[]) =>
      startProgram('setpriv', ['--reuid', '12345', ...extra, nativeEntry, 'list'], { env }).ended;
    // Up to the run-time directory itself, the way is open.
    chmodSync(given.host.directory, 0o711);
    const [alone, asGroup, asMember] = [
      ['--regid', '12345', '--clear-groups'],
      ['--regid', '23456', '--clear-groups'],
      ['--regid', '12345', '--groups', '1,23456'],
    ];
    expect((await asNobody(alone ?? [])).status).to.equal(9);
    await given.host.ok(['engine', '--stop']);
    engine = await startEngine(given.host, ['--group', '23456']);
    expect(statSync(join(runRoot, 'engine.sock')).mode & 0o777).to.equal(0o660);
    expect((await asNobody(alone ?? [])).status).to.equal(9);
    for (const words of [asGroup, asMember]) expect((await asNobody(words ?? [])).status).to.equal(0);
    await given.host.ok(['engine', '--stop']);
    expect(statSync(runRoot).mode & 0o777).to.equal(0o700);
    engine = await startEngine(given.host);
  });

  it('killed, loses nothing: the zone lives, the client is told, the next command needs none', async () => {
    const { host } = given;
    await warm(['run', '-d', '--name', 'lasting', 'busybox']);
    const attached = client(['run', '--name', 'held', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 60']);
    await attached.seen(/up/);
    running().process.process.kill('SIGKILL');
    await running().process.ended;
    const ended = await attached.ended;
    expect(ended.status).to.equal(125);
    expect(ended.stderr).to.match(/the engine ended before the command did/);
    expect((await warm(['list', '-q'])).stdout).to.equal('held\nlasting\n');
    expect(await host.json<Listed[]>(['list'])).to.deep.include.members([]);
    expect((await warm(['exec', 'lasting', '--', 'hostname'])).stdout).to.equal('lasting\n');
    await host.ok(['delete', '-f', 'lasting', 'held']);
    engine = await startEngine(host);
    expect((await warm(['list', '-q'])).stdout).to.equal('');
  });

  it('ends when it is told to, and leaves no socket', async () => {
    const { host } = given;
    expect(await host.ok(['engine', '--stop'])).to.equal('the engine has ended\n');
    expect((await running().process.ended).status).to.equal(0);
    expect(readdirSync(host.runRoot).filter((name) => /^engine\.(sock|json)$/.test(name))).to.deep.equal([]);
    expect(await host.ok(['engine', '--stop'])).to.equal('there is no engine\n');
    engine = await startEngine(host);
  });

  it('ends by itself when nobody asks', async () => {
    const { host } = given;
    await host.ok(['engine', '--stop']);
    const idle = startProgram(process.execPath, [entry, 'engine', '--idle', '1s'], { env: host.env });
    const record = join(host.runRoot, 'engine.json');
    // On a slow machine it may have come and gone before anybody has looked.
    await eventually('it answers', () => existsSync(record) || idle.process.exitCode !== null);
    expect((await warm(['list', '-q'])).status).to.equal(0);
    expect(await idle.ended).to.include({ status: 0, stderr: '' });
    expect(existsSync(record)).to.equal(false);
    engine = await startEngine(host);
  });

  it('is started by a command where TSZONE_ENGINE is auto', async () => {
    const { host } = given;
    await host.ok(['engine', '--stop']);
    expect((await warm(['list', '-q'], { env: { TSZONE_ENGINE: 'auto' } })).status).to.equal(0);
    const record = join(host.runRoot, 'engine.json');
    await eventually('an engine listens', () => existsSync(record));
    const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).to.include.members(['engine', '--idle', '5m']);
    await host.ok(['engine', '--stop']);
    engine = await startEngine(host);
  });
});
