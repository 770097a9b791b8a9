/** A zone's life: every verb that changes or shows it. */
import { once } from 'node:events';
import { readFile, rename } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { readRunning } from '../../src/state/index.js';
import { isAlive } from '../helpers/alive.js';
import { program, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { statusField } from '../helpers/observe.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { sh } from '../helpers/temp-host.js';

interface Details {
  readonly name: string;
  readonly status: string;
  readonly pid?: number;
  readonly addresses: readonly string[];
  readonly restarts: number;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly exit?: { readonly status: number };
}

describe('the life of a zone', () => {
  const given = givenHost({ images: ['busybox'] });
  const inspect = (name: string) => given.host.json<Details>(['inspect', name]);

  it('create, start, exec, stop, delete', async () => {
    const { host } = given;
    await host.ok(['create', 'web', '--image', 'busybox', '--memory', '128M', '--cpus', '0.5', '--pids', '64']);
    expect((await inspect('web')).status).to.equal('stopped');
    expect(await host.ok(['start', 'web'])).to.equal('zone "web" is running\n');
    expect(await host.ok(['exec', 'web', '--', 'hostname'])).to.equal('web\n');
    expect(await host.ok(['stop', 'web'])).to.equal('zone "web" is stopped\n');
    expect(await host.ok(['stop', 'web'])).to.match(/not running/);
    expect(await host.ok(['delete', 'web'])).to.equal('zone "web" is deleted\n');
    expect(await host.ok(['list', '-q'])).to.equal('');
  });

  it('list shows all of them, in each format', async () => {
    const { host } = given;
    const port = `127.0.0.1:${await takePort()}:80`;
    await using one = await host.run({ name: 'one', image: 'busybox', port: [port] });
    await host.ok(['create', 'two', '--image', 'busybox', '--net', 'none']);
    const { addresses, pid } = await one.inspect();
    const table = await host.ok(['list']);
    expect(table).to.match(/^NAME +STATUS +IMAGE +MODE +ADDRESSES +PORTS +PID *\n/);
    expect(table).to.include(`one   running  busybox  isolated  ${addresses.join(' ')}`);
    expect(table).to.match(/two +stopped +busybox/);
    const list = await host.json<Details[]>(['list']);
    expect(list.map(({ name, status }) => [name, status])).to.deep.equal([
      ['one', 'running'],
      ['two', 'stopped'],
    ]);
    expect(list[0]).to.deep.include({ pid, ports: [port] });
    expect(await host.ok(['list', '-q'])).to.equal('one\ntwo\n');
    expect(await host.ok(['list', '-o', 'csv', '--columns', 'name,status'])).to.equal(
      'name,status\none,running\ntwo,stopped\n',
    );
    expect((await host.ok(['list', '-o', 'jsonl'])).trim().split('\n')).to.have.length(2);
    expect(await host.ok(['list', '-o', 'yaml'])).to.match(/name: one/);
    await host.ok(['delete', 'two']);
  });

  it('restart gives it a new pid 1, and keeps its identity', async () => {
    await using zone = await given.host.run({ name: 'again', image: 'busybox' });
    const before = await zone.inspect();
    const id = await sh(zone, 'cat /etc/machine-id');
    await given.host.ok(['restart', 'again']);
    const after = await zone.inspect();
    expect(after.pid).not.to.equal(before.pid);
    expect([after.addresses, after.ids]).to.deep.equal([before.addresses, before.ids]);
    expect(await sh(zone, 'cat /etc/machine-id')).to.equal(id);
  });

  it('works the same for a caller with a strict umask', async () => {
    const { host } = given;
    const script = `umask 077; exec ${program.join(' ')} run --rm busybox -- sh -c 'stat -c %a / /etc/hosts; umask'`;
    const { stdout, stderr } = await runProgram('sh', ['-c', script], { env: host.env });
    expect([stdout, stderr]).to.deep.equal(['755\n644\n0022\n', '']);
  });

  it('stop asks, waits, and kills what does not listen', async () => {
    const deaf = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'];
    await using zone = await given.host.run({ name: 'deaf', image: 'busybox', net: 'none', command: deaf });
    const trapIsSet = (one: Zone) =>
      eventually('its trap is set', async () => (await one.ps()).some(({ command }) => command.startsWith('sleep')));
    await trapIsSet(zone);
    expect(await given.host.ok(['stop', '--stop-timeout', '300ms', 'deaf'])).to.match(/had to be killed/);
    await zone.start();
    expect(await given.host.ok(['stop', '--force', 'deaf'])).to.match(/stopped/);
    await using polite = await given.host.run({
      image: 'busybox',
      net: 'none',
      stopSignal: 'USR2',
      command: ['sh', '-c', 'trap "exit 6" USR2; while :; do sleep 0.05; done'],
    });
    await trapIsSet(polite);
    expect((await polite.stop()).status).to.equal(6);
  });

  it('stop ends a paused zone', async () => {
    await using zone = await given.host.run({
      name: 'frozen',
      image: 'busybox',
      net: 'none',
      command: ['sleep', '1000'],
    });
    await given.host.ok(['pause', 'frozen']);
    await given.host.ok(['stop', 'frozen']);
    expect((await zone.status()).status).to.equal('stopped');
  });

  it('pause stops all of it, resume lets it go on', async () => {
    const command = ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.02; done'];
    await using zone = await given.host.run({ name: 'counter', image: 'busybox', net: 'none', command });
    const count = () => readFile(join(given.host.root, 'zones/counter/rootfs/upper/count'), 'utf8').then(Number);
    await eventually('it counts', async () => (await count()) > 2);
    await given.host.ok(['pause', 'counter']);
    expect((await inspect('counter')).status).to.equal('paused');
    const at = await count();
    const exec = await given.host.cli(['-o', 'json', 'exec', 'counter', '--', 'true']);
    expect(exec.status).to.equal(125);
    expect(await count()).to.equal(at);
    await given.host.ok(['resume', 'counter']);
    await eventually('it counts on', async () => (await count()) > at);
    expect((await zone.status()).status).to.equal('running');
  });

  it('kill sends a signal to pid 1, or with --all to all', async () => {
    await using zone = await given.host.run({ name: 'target', image: 'busybox', net: 'none' });
    await sh(zone, '(setsid sleep 1111 > /dev/null 2>&1 &)');
    await given.host.ok(['kill', '-s', 'HUP', 'target']);
    expect((await zone.status()).status).to.equal('running');
    await given.host.ok(['kill', '-s', 'KILL', '--all', 'target']);
    await zone.wait({ for: 'stopped' });
    expect((await inspect('target')).exit?.status).to.equal(137);
  });

  it('wait tells the status when it has stopped', async () => {
    const go = await given.host.file('go', '');
    const command = ['sh', '-c', 'while [ ! -s /go ]; do sleep 0.02; done; exit 12'];
    await using zone = await given.host.run({
      name: 'job',
      image: 'busybox',
      net: 'none',
      command,
      mount: [`${go}:/go`],
    });
    expect((await given.host.cli(['wait', '--for', 'running', 'job'])).status).to.equal(0);
    const waiting = given.host.start(['wait', '-o', 'json', zone.name]);
    await given.host.file('go', 'x');
    const { status, stdout } = await waiting.ended;
    expect(status).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.include({ name: 'job', for: 'stopped', status: 12 });
  });

  it('wait tells it, and all output is in the log, also when the monitor has not yet seen that the zone is dead', async () => {
    const { host } = given;
    const command = ['sh', '-c', 'printf said; touch /said; exec sleep 1000'];
    await using zone = await host.run({ name: 'late', image: 'busybox', net: 'none', command });
    const { pid, monitorPid } = (await readRunning((await host.open()).context.roots, 'late')) ?? expect.fail();
    await eventually('it has said it', async () => (await zone.exec(['test', '-e', '/said'])).exitCode === 0);
    process.kill(monitorPid, 'SIGSTOP');
    try {
      process.kill(pid, 'SIGKILL');
      await eventually('it is dead', () => !isAlive(pid));
      const early = await zone.wait({ for: 'stopped', timeoutMs: 300 }).catch((error: unknown) => error);
      expect(early).to.have.property('code', 'WAIT_TIMEOUT');
    } finally {
      process.kill(monitorPid, 'SIGCONT');
    }
    expect(await zone.wait({ for: 'stopped' })).to.deep.equal({ status: 137 });
    expect(await host.ok(['logs', 'late'])).to.include('said');
  });

  it('wait tells what the monitor has told, though the zone runs again by the time', async () => {
    await using zone = await given.host.run({ name: 'rerun', image: 'busybox', net: 'none' });
    const path = join(given.host.runRoot, 'zones/rerun/monitor.sock');
    await rename(path, `${path}.own`);
    const event = '{"event":"exited","status":7,"signal":0,"oomKills":0}\n';
    const monitor = createServer((client) => client.once('data', () => client.end(event))).listen(path);
    try {
      await once(monitor, 'listening');
      expect(await zone.wait({ for: 'stopped', timeoutMs: patience(20_000) })).to.deep.equal({ status: 7 });
    } finally {
      monitor.close();
      await once(monitor, 'close');
      await rename(`${path}.own`, path);
    }
  });

  it('ps shows the pids of the zone and of the host, and the users of the zone', async () => {
    await using zone = await given.host.run({
      name: 'busy',
      image: 'busybox',
      net: 'none',
      command: ['sleep', '2222'],
      user: 'www-data',
    });
    const list = await given.host.json<{ pid: number; hostPid: number; uid: number; command: string }[]>([
      'ps',
      'busy',
    ]);
    expect(list.map(({ pid, uid }) => [pid, uid])).to.deep.equal([
      [1, 0],
      [2, 33],
    ]);
    expect(list[1]?.command).to.equal('sleep 2222');
    expect(await statusField(list[1]?.hostPid ?? 0, 'NSpid')).to.equal(`${list[1]?.hostPid}\t2`);
    expect(list[0]?.hostPid).to.equal((await zone.inspect()).pid);
  });

  it('rename keeps files, addresses and ids', async () => {
    const { host } = given;
    await using zone = await host.run({ name: 'before', image: 'busybox' });
    await sh(zone, 'echo kept > /root/note');
    const old = await zone.inspect();
    await zone.stop();
    await host.ok(['rename', 'before', 'after']);
    await host.ok(['start', 'after']);
    const now = await (await host.open()).zone('after');
    expect([(await now.inspect()).addresses, (await now.inspect()).ids]).to.deep.equal([old.addresses, old.ids]);
    expect(await sh(now, 'cat /root/note; hostname')).to.equal('kept\nafter');
    expect(await host.ok(['list', '-q'])).to.equal('after\n');
    await now.delete({ force: true });
  });

  it('protect keeps it from delete and stop until it is unset', async () => {
    const { host } = given;
    await host.ok([
      'run',
      '-d',
      '--name',
      'safe',
      '--net',
      'none',
      '--protect',
      'delete',
      '--protect',
      'stop',
      'busybox',
    ]);
    for (const args of [
      ['delete', '--force', 'safe'],
      ['stop', 'safe'],
      ['restart', 'safe'],
    ]) {
      const { status, stderr } = await host.cli([...args, '-o', 'json']);
      expect([status, (JSON.parse(stderr) as { error: { code: string } }).error.code], args.join(' ')).to.deep.equal([
        4,
        'ZONE_PROTECTED',
      ]);
    }
    await host.ok(['unset', 'safe', 'protect']);
    await host.ok(['delete', '--force', 'safe']);
  });

  it('set, get and unset: what needs a restart says so, and --restart-now does it', async () => {
    const { host } = given;
    await using zone = await host.run({ name: 'settings', image: 'busybox', net: 'none' });
    const { stderr } = await host.cli([
      'set',
      'settings',
      '--hostname',
      'renamed',
      '--label',
      'team=a',
      '--description',
      'a text',
    ]);
    expect(stderr).to.match(/hostname will hold after "tszone restart settings"/);
    expect((await host.ok(['get', 'settings', 'hostname'])).trim()).to.equal('renamed');
    expect(await host.json(['get', 'settings', 'label'])).to.deep.equal({ team: 'a' });
    expect(await sh(zone, 'hostname')).to.equal('settings');
    await host.ok(['set', 'settings', '--restart-now', '--umask', '077']);
    expect(await sh(zone, 'hostname; umask')).to.equal('renamed\n0077');
    await host.ok(['unset', 'settings', 'hostname', 'umask']);
    await zone.restart();
    expect(await sh(zone, 'hostname; umask')).to.equal('settings\n0022');
    expect(await host.ok(['get', 'settings'])).to.match(/description: a text/);
  });

  it('inspect and status show what people and programs need', async () => {
    await using zone = await given.host.run({ name: 'shown', image: 'busybox', memory: '64M' });
    const details = await inspect('shown');
    expect(details).to.deep.include({ name: 'shown', status: 'running', restarts: 0 });
    expect(details.spec).to.deep.include({ memory: 64 * 2 ** 20, image: 'busybox' });
    const status = await given.host.ok(['status', 'shown']);
    for (const line of [/^zone: +shown$/m, /^status: +running$/m, /^memory: +\S+ of 64M$/m, /^addresses: +10\./m])
      expect(status).to.match(line);
    const { note, usage } = await given.host.json<{ note: string; usage: { pids: number } }>(['status', 'shown']);
    expect([note, usage.pids > 0]).to.deep.equal(['running', true]);
    expect((await zone.status()).usage?.memoryLimitBytes).to.equal(64 * 2 ** 20);
  });
});

describe('restart policies', () => {
  const given = givenHost({ images: ['busybox'] });

  it('always: it is started again when it ends by itself, and not when a user stopped it', async () => {
    const { host } = given;
    await host.ok([
      'run',
      '-d',
      '--name',
      'always',
      '--net',
      'none',
      '--restart',
      'always',
      'busybox',
      '--',
      'sleep',
      '1000',
    ]);
    const zone = await (await host.open()).zone('always');
    const first = (await zone.inspect()).pid;
    await zone.kill(9, { all: true });
    const second = await eventually('it runs again', async () => {
      const { pid } = await zone.inspect();
      return pid !== undefined && pid !== first ? pid : undefined;
    });
    expect((await zone.inspect()).restarts).to.equal(1);
    expect(second).not.to.equal(first);
    await zone.stop();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await zone.status()).status).to.equal('stopped');
    await zone.delete();
  });

  it('on-failure:2: twice again after a failure, and then no more', async () => {
    const { host } = given;
    const script = 'echo x >> /runs; exit 1';
    await host.ok([
      'run',
      '-d',
      '--name',
      'fails',
      '--net',
      'none',
      '--restart',
      'on-failure:2',
      'busybox',
      '--',
      'sh',
      '-c',
      script,
    ]);
    const runs = join(host.root, 'zones/fails/rootfs/upper/runs');
    await eventually(
      'it has run three times',
      async () => (await readFile(runs, 'utf8').catch(() => '')) === 'x\nx\nx\n',
    );
    const zone = await (await host.open()).zone('fails');
    await zone.wait({ for: 'stopped' });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await readFile(runs, 'utf8')).to.equal('x\nx\nx\n');
    expect((await zone.status()).status).to.equal('stopped');
    await zone.delete();
  });

  it('on-failure: not again after success', async () => {
    const { host } = given;
    await host.ok([
      'run',
      '-d',
      '--name',
      'succeeds',
      '--net',
      'none',
      '--restart',
      'on-failure',
      'busybox',
      '--',
      'sh',
      '-c',
      'echo x >> /runs',
    ]);
    const zone = await (await host.open()).zone('succeeds');
    await zone.wait({ for: 'stopped' });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await readFile(join(host.root, 'zones/succeeds/rootfs/upper/runs'), 'utf8')).to.equal('x\n');
    await zone.delete();
  });

  it('delete ends a zone that restarts for ever', async () => {
    const { host } = given;
    await host.ok(['run', '-d', '--name', 'forever', '--net', 'none', '--restart', 'always', 'busybox', '--', 'true']);
    await eventually(
      'it has restarted',
      async () => (await (await (await host.open()).zone('forever')).inspect()).restarts > 0,
    );
    await host.ok(['delete', '--force', 'forever']);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await host.ok(['list', '-q'])).to.equal('');
  });
});

describe('tszone boot', () => {
  const given = givenHost({ images: ['busybox'] });

  it('starts what autostarts, and what ran before if it is said so', async () => {
    const { host } = given;
    const make = (name: string, autostart: string) =>
      host.ok(['create', name, '--image', 'busybox', '--net', 'none', '--autostart', autostart]);
    await make('yes', 'yes');
    await make('no', 'no');
    await make('ran', 'last');
    await make('stopped', 'last');
    await host.ok(['start', 'ran', 'stopped']);
    await host.ok(['stop', 'stopped']);
    // What a power cut leaves: nothing runs, and nobody has stopped it.
    await host.ok(['kill', '-s', 'KILL', '--all', 'ran']);
    await host.ok(['wait', '--for', 'stopped', 'ran']);
    const results = await host.json<{ name: string; started: boolean }[]>(['boot']);
    expect(results.map(({ name, started }) => [name, started])).to.deep.equal([
      ['ran', true],
      ['yes', true],
    ]);
    const list = await host.json<{ name: string; status: string }[]>(['list']);
    expect(list.filter(({ status }) => status === 'running').map(({ name }) => name)).to.deep.equal(['ran', 'yes']);
    expect(await host.json(['boot'])).to.deep.equal([]);
  });

  it('a zone that cannot start keeps no other from starting', async () => {
    const { host } = given;
    const gone = await host.file('gone');
    await host.ok([
      'create',
      'broken',
      '--image',
      'busybox',
      '--net',
      'none',
      '--autostart',
      'yes',
      '--mount',
      `${gone}:/gone`,
    ]);
    await host.ok(['create', 'zzz', '--image', 'busybox', '--net', 'none', '--autostart', 'yes']);
    const { rmdir } = await import('node:fs/promises');
    await rmdir(gone);
    const { status, stdout } = await host.cli(['boot', '-o', 'json']);
    expect(status).to.equal(3);
    const results = JSON.parse(stdout) as { name: string; started: boolean; error?: { code: string } }[];
    expect(results.map(({ name, started, error }) => [name, started, error?.code])).to.deep.equal([
      ['broken', false, 'PATH_NOT_FOUND'],
      ['zzz', true, undefined],
    ]);
  });
});
