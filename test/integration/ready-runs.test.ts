/** What an engine makes ahead: the next zone of a run that has come twice, waiting for its command; seen by nobody, and gone without a trace. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { ReadyRuns } from '../../src/operations/ready-runs.js';
import { runZone } from '../../src/operations/run-zone.js';
import { type CliOptions, type CliResult, nativeEntry, runProgram, startProgram } from '../helpers/cli.js';
import { recoverKilled } from '../helpers/crash.js';
import { startEngine, type TestEngine } from '../helpers/engine.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { takeRange } from '../helpers/ports.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';

describe('runs that come again', () => {
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    // What the first zone with a network has to say of the host's settings.
    await host.ok(['run', '--rm', 'busybox', 'true']);
  });
  let engine: TestEngine | undefined;

  const start = (args: readonly string[], options: CliOptions = {}) =>
    startProgram(nativeEntry, args, { ...options, env: { ...given.host.env, ...options.env } });
  const warm = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> => start(args, options).ended;

  /** Made, and not taken: with a monitor, and what its record is to be. */
  function waiting(): string[] {
    const zones = join(given.host.runRoot, 'zones');
    if (!existsSync(zones)) return [];
    return readdirSync(zones).filter(
      (name) => existsSync(join(zones, name, 'monitor.sock')) && existsSync(join(zones, name, 'unseen.json')),
    );
  }

  const oneWaits = () =>
    eventually('a zone waits', () => {
      const names = waiting();
      return names.length === 1 ? names[0] : undefined;
    });

  /** Runs it twice. @returns the name of the zone that waits then */
  async function twice(flags: readonly string[] = []): Promise<string> {
    for (let time = 0; time < 2; time += 1) {
      const { status, stderr } = await warm(['run', '--rm', ...flags, 'busybox', '--', 'true']);
      expect([status, stderr]).to.deep.equal([0, '']);
    }
    return oneWaits();
  }

  const script = (text: string, flags: readonly string[] = []) => [
    ...['run', '--rm', ...flags, 'busybox', '--', 'sh', '-c', text],
  ];

  beforeEach('an engine', async () => {
    engine = await startEngine(given.host);
  });
  afterEach('its end', async () => engine?.[Symbol.asyncDispose]());

  it('take the zone that waits for them: with their own command, stdin, stdout, stderr and status', async () => {
    const name = await twice();
    const text = 'hostname; cat; echo err >&2; exit 7';
    const { status, stdout, stderr } = await warm(script(text), { input: 'in\n' });
    expect([status, stdout, stderr]).to.deep.equal([7, `${name}\nin\n`, 'err\n']);
    expect(await oneWaits(), 'and another one waits').to.not.equal(name);
  });

  it('are the zones that they would be: user, environment, directory, limits, filter, address', async () => {
    const name = await twice(['--memory', '48M', '--pids', '33']);
    const flags = ['--memory', '48M', '--pids', '33'];
    const own = ['--user', '1234', '-e', 'A=a b', '--workdir', '/tmp'];
    const text =
      'hostname; id -u; pwd; echo "$A"; grep -c "^Seccomp:.2" /proc/self/status; ip addr show eth0; cat /etc/hosts; exec sleep 1000';
    const attached = start(script(text, [...flags, ...own]));
    await attached.seen(/localhost[\s\S]*10\.\d+\.\d+\.\d+/);
    const [, ...lines] = attached.stdout().split('\n');
    expect(attached.stdout().split('\n')[0]).to.equal(name);
    expect(lines.slice(0, 4)).to.deep.equal(['1234', '/tmp', 'a b', '1']);
    expect(attached.stdout()).to.match(/inet 10\.\d+\.\d+\.\d+/);
    const inspected = await given.host.json<
      { spec: { memory: number; pids: number; command: string[]; user: string } }[]
    >(['inspect', name]);
    expect(JSON.stringify(inspected)).to.include('"memory":50331648').and.to.include('exec sleep 1000');
    expect(await given.host.ok(['exec', name, '--', 'sh', '-c', 'echo "$A"; id -u; pwd'])).to.equal(
      'a b\n1234\n/tmp\n',
    );
    expect(await given.host.ok(['status', name])).to.match(/of 48M/);
    attached.process.kill('SIGTERM');
    expect((await attached.ended).status).to.equal(143);
    expect(await given.host.ok(['list', '-q'])).to.equal('');
  });

  it('are made for what is asked, if something else waits', async () => {
    for (const flags of [
      ['--memory', '32M'],
      ['--memory', '48M', '--name', 'own'],
      ['--memory', '48M', '--mount', `${await given.host.file('shared')}:/host:ro`],
      ['--memory', '48M', '--env', 'X=1', '--hostname', 'else'],
    ]) {
      // Anew for each: it waits for so many seconds only, however slow the machine is.
      const name = await twice(['--memory', '48M']);
      const { stdout, status } = await warm(script('cat /proc/sys/kernel/hostname; exit 3', flags));
      expect(status, flags.join(' ')).to.equal(3);
      expect(stdout.trim(), flags.join(' ')).to.match(/./).and.not.equal(name);
      expect(waiting(), flags.join(' ')).to.include(name);
    }
  });

  it('do not get a zone that would be made otherwise by now: of another network, another image', async () => {
    const { host } = given;
    const range = await takeRange();
    await host.ok(['network', 'create', 'lab', '--ip4', await takeRange()]);
    await twice(['--net', 'bridge=lab']);
    expect((await warm(['network', 'delete', 'lab'])).status, 'what waits does not keep a network').to.equal(0);
    await host.ok(['network', 'create', 'lab', '--ip4', range]);
    const { stdout } = await warm(script('ip addr show eth0', ['--net', 'bridge=lab']));
    const prefix = range.replace(/0\/24$/, '');
    expect(stdout).to.include(`inet ${prefix}`);
    const name = await twice(['--net', 'bridge=lab']);
    // As the kernel would lose it.
    const { bridge } = JSON.parse(readFileSync(join(host.root, 'networks.json'), 'utf8')).networks.find(
      (one: { name: string }) => one.name === 'lab',
    );
    await runProgram('/sbin/ip', ['link', 'delete', bridge]);
    const another = await warm(
      script(`hostname; ping -c 1 -w 5 ${prefix}1 >/dev/null && echo reached`, ['--net', 'bridge=lab']),
    );
    expect(another.stdout).to.not.include(name);
    expect(another.stdout).to.include('reached');
    expect((await warm(['network', 'delete', 'lab'])).status).to.equal(0);
  });

  it('keep no network from being deleted by a process that asks no engine; a zone that is there does', async () => {
    const { host } = given;
    const cold = (...args: readonly string[]) => warm(args, { env: { TSZONE_ENGINE: 'off' } });
    await host.ok(['network', 'create', 'lab', '--ip4', await takeRange()]);
    await host.ok(['create', 'there', '--image', 'busybox', '--net', 'bridge=lab']);
    const name = await twice(['--net', 'bridge=lab']);
    const refused = await cold('network', 'delete', 'lab');
    expect([refused.status, refused.stderr]).to.deep.include(4);
    expect(refused.stderr).to.match(/is used by zone .*there/);
    expect(waiting(), 'nobody was asked for it').to.deep.equal([name]);
    await host.ok(['delete', 'there']);
    const deleted = await cold('network', 'delete', 'lab');
    expect([deleted.status, deleted.stderr]).to.deep.equal([0, '']);
    expect(waiting()).to.deep.equal([]);
  });

  it('take it also when a mount of the host has changed meanwhile, which says nothing of zones', async () => {
    const name = await twice();
    const place = await given.host.file('mounted');
    await runProgram('/bin/mount', ['-t', 'tmpfs', 'tmpfs', place]);
    try {
      expect((await warm(script('hostname'))).stdout).to.equal(`${name}\n`);
    } finally {
      await runProgram('/bin/umount', [place]);
    }
  });

  it('say what they would say: a command that is not there', async () => {
    await twice();
    const made = await given.host.cli(['run', '--rm', 'busybox', '--', 'no-such-command']);
    const taken = await warm(['run', '--rm', 'busybox', '--', 'no-such-command']);
    expect([taken.status, taken.stderr]).to.deep.equal([made.status, made.stderr]);
    expect(await given.host.ok(['list', '-q'])).to.equal('');
    expect((await warm(script('exit 4'))).status, 'and the next one is whole').to.equal(4);
  });

  it('are listed by nobody while they wait, and block nothing', async () => {
    const { host } = given;
    const looks: ((name: string) => Promise<void>)[] = [
      async () => void expect(await host.ok(['list', '-q'])).to.equal(''),
      async () => void expect((await warm(['list', '-q'])).stdout).to.equal(''),
      async (name) => void expect((await host.cli(['inspect', name])).status).to.equal(3),
      async (name) => void expect((await host.cli(['doctor'])).stdout).to.not.include(name),
      async () => void (await host.ok(['boot'])),
    ];
    for (const look of looks) {
      // Anew for each: it waits for so many seconds only, however slow the machine is.
      const name = await twice();
      await look(name);
      expect(waiting()).to.deep.equal([name]);
    }
  });

  it('do without one whose monitor or first process is killed', async () => {
    for (const victim of ['monitorPid', 'pid']) {
      const name = await twice();
      const pids = await eventually('it has processes', () => pidsOf(name));
      process.kill(pids[victim as keyof typeof pids], 'SIGKILL');
      if (victim === 'monitorPid') await eventually('it is gone', () => !waiting().includes(name));
      const { status, stdout, stderr } = await warm(['-o', 'json', ...script('hostname; exit 5')]);
      expect([status, stdout.includes(name), stderr]).to.deep.equal([5, false, '']);
      await eventually('it is gone', () => !waiting().includes(name));
    }
  });

  /** From the host's processes: nothing is written about a zone that waits. */
  async function pidsOf(name: string): Promise<{ monitorPid: number; pid: number } | undefined> {
    const { roots } = (await given.host.open()).context;
    for (const entry of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
      try {
        if (!readFileSync(`/proc/${entry}/cgroup`, 'utf8').includes(`/${roots.instance}/${name}`)) continue;
        const status = readFileSync(`/proc/${entry}/status`, 'utf8');
        return { pid: Number(entry), monitorPid: Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]) };
      } catch {
        // It has ended meanwhile.
      }
    }
    return undefined;
  }

  it('leave nothing when the engine ends, or is killed', async () => {
    const { host } = given;
    await engine?.[Symbol.asyncDispose]();
    // Files that all throw-away zones share are there before.
    // An engine takes the remains away behind its answer.
    await host.ok(['run', '--rm', 'busybox', 'true'], { env: { TSZONE_ENGINE: 'off' } });
    const before = await host.snapshot();
    engine = await startEngine(host);
    await twice();
    await host.ok(['engine', '--stop']);
    await expectNothingLeftNow(before, host.snapshotOptions);
    engine = await startEngine(host);
    await twice();
    engine.process.process.kill('SIGKILL');
    await engine.process.ended;
    expect(await host.ok(['list', '-q'])).to.equal('');
    await recoverKilled(host);
    for (const name of ['engine.sock', 'engine.json']) await rm(join(host.runRoot, name), { force: true });
    await expectNothingLeftNow(before, host.snapshotOptions);
    engine = await startEngine(host);
  });

  it('find no zone when its time is over: it goes without a trace', async () => {
    const { host } = given;
    const { context } = await host.open();
    // An engine takes the remains away behind its answer.
    await host.ok(['run', '--rm', 'busybox', 'true'], { env: { TSZONE_ENGINE: 'off' } });
    const before = await host.snapshot();
    const descriptors = ['ignore', 'ignore', 'ignore'] as const;
    const input = { image: 'busybox', ephemeral: true, command: ['true'] };
    const runOnce = async (ready?: ReadyRuns) => {
      const run = await runZone(context, input, { ready, descriptors, pull: 'never' });
      expect(await run.exited).to.equal(0);
      await run.cleaned;
    };
    // Time for two runs and for the one that is made behind them, however slow the machine is.
    await runOnce();
    const startedAt = performance.now();
    await runOnce();
    const keepMs = 700 + 10 * (performance.now() - startedAt);
    const ready = new ReadyRuns({ keepMs });
    await runOnce(ready);
    // Looked for from before it is made: its time may be over before the run that it is made behind has been seen to be.
    await Promise.all([oneWaits(), runOnce(ready)]);
    await eventually('it has gone', () => waiting().length === 0, keepMs + 30_000);
    await ready.close();
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('wait for one that is being made, and go through each other side by side', async () => {
    await twice();
    const statuses = await Promise.all([11, 12, 13, 14, 15].map(async (n) => (await warm(script(`exit ${n}`))).status));
    expect(statuses).to.deep.equal([11, 12, 13, 14, 15]);
    expect(await given.host.ok(['list', '-q'])).to.equal('');
  });

  it('end when their client is interrupted', async () => {
    await twice();
    const attached = start(script('echo up; exec sleep 1000'));
    await attached.seen(/up/);
    attached.process.kill('SIGKILL');
    await attached.ended;
    await eventually('the zone is gone', async () => (await given.host.ok(['list', '-q'])) === '');
  });
});
