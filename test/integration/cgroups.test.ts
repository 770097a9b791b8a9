/** Groups on the host's own hierarchies, whichever version they are: made, joined, limited, frozen, killed, removed. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  cgroupHandlers,
  freezeZone,
  isZoneFrozen,
  killZone,
  planLimits,
  planMonitorCgroup,
  planZoneCgroups,
  readZoneUsage,
  removeSharedGroups,
  type ZoneLimits,
  type ZoneRef,
  zoneGroups,
  zonePids,
} from '../../src/cgroups/index.js';
import type { EnterOp } from '../../src/helper/protocol.js';
import { type CgroupLayout, probeHost } from '../../src/host/index.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

const MiB = 2 ** 20;

describe('cgroups of this host', () => {
  const instance = `t${process.pid.toString(16)}`;
  let layout: CgroupLayout;
  const undo: (() => Promise<void>)[] = [];

  before(async function () {
    requires('root').call(this);
    layout = (await probeHost()).cgroup;
  });
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });
  after(() => {
    removeSharedGroups(layout, instance);
    const left = zoneGroups(ref('none'))
      .flatMap(({ parents }) => parents.slice(1))
      .filter((path) => existsSync(path));
    expect(left, 'groups left behind').to.deep.equal([]);
  });

  const ref = (zone: string): ZoneRef => ({ layout, instance, zone });

  async function make(zone: string, limits: ZoneLimits = {}) {
    const plan = planZoneCgroups({ ...ref(zone), limits });
    undo.push(async () => {
      await killZone(ref(zone));
      for (const op of [...plan.prepare].reverse()) await cgroupHandlers.undo(op);
      expect(plan.groups.filter(({ path }) => existsSync(path))).to.deep.equal([]);
    });
    for (const op of plan.prepare) await cgroupHandlers.apply(op);
    return plan;
  }

  it('makes a group in each hierarchy, and removes each', async () => {
    const { groups, exit } = await make('web', { memoryBytes: 64 * MiB, cpus: 0.5, pids: 20, cpuset: '0' });
    expect(groups.filter(({ path }) => !existsSync(path))).to.deep.equal([]);
    expect(exit.map((op) => ('path' in op ? op.path : ''))).to.deep.equal(groups.map(({ path }) => path));
    expect(readZoneUsage(ref('web'))).to.include({ memoryLimitBytes: 64 * MiB, pidsLimit: 20, pids: 0, oomKills: 0 });
  });

  it('counts a process that has joined, in all of them', async () => {
    const { enter } = await make('web', { cpuset: '0' });
    const child = join(enter, 'while :; do :; done');
    await joined(child, enter);
    await until(() => (readZoneUsage(ref('web')).cpuUsageUs ?? 0) > 10_000);
    const groups = readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`/tszone/${instance}/web`));
    expect(groups).to.have.length(enter.flatMap(joinedBy).length);
    expect(readZoneUsage(ref('web')).pids).to.equal(1);
  });

  it('kills what needs more memory than the limit, and says so', async () => {
    const { enter, oomFile } = await make('greedy', { memoryBytes: 16 * MiB });
    const child = join(enter, 'exec tail /dev/zero');
    expect(await ended(child)).to.equal('SIGKILL');
    expect(readZoneUsage(ref('greedy')).oomKills).to.equal(1);
    expect(readFileSync(oomFile ?? '', 'utf8')).to.match(/^oom_kill 1$/m);
  });

  it('refuses the process that is one too many', async () => {
    const { enter } = await make('forks', { pids: 2 });
    const child = join(enter, '(sleep 60 & sleep 60 & sleep 60; wait) 2>&1');
    expect(await output(child)).to.match(/[Cc]annot fork/);
    expect(readZoneUsage(ref('forks')).pidsRefused).to.be.greaterThan(0);
  });

  it('throttles a busy loop', async () => {
    const { enter } = await make('busy', { cpus: 0.1 });
    join(enter, 'while :; do :; done');
    await until(() => (readZoneUsage(ref('busy')).cpuThrottledPeriods ?? 0) > 2);
    expect(readZoneUsage(ref('busy')).cpuThrottledUs).to.be.greaterThan(0);
  });

  it('freezes, thaws, and kills what is frozen', async () => {
    const { enter } = await make('cold');
    const child = join(enter, 'while :; do :; done');
    await joined(child, enter);
    await freezeZone(ref('cold'));
    expect(isZoneFrozen(ref('cold'))).to.equal(true);
    // v1 calls it frozen when it is on its way off the CPU, which may have to wait for its turn.
    await eventually('it uses nothing', async () => {
      const before = readZoneUsage(ref('cold')).cpuUsageUs;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return readZoneUsage(ref('cold')).cpuUsageUs === before;
    });
    await killZone(ref('cold'));
    expect(await ended(child)).to.equal('SIGKILL');
    expect(isZoneFrozen(ref('cold'))).to.equal(false);
  });

  it('changes limits both ways on a running zone', async () => {
    const steps: ZoneLimits[] = [
      { memoryBytes: 64 * MiB },
      { memoryBytes: 256 * MiB, cpus: 1.5, cpuWeight: 10, pids: 9, cpuset: '0' },
      { memoryBytes: 32 * MiB, cpus: 0.01 },
      { memoryBytes: Number.POSITIVE_INFINITY },
      { memoryBytes: 48 * MiB, cpuset: '' },
    ];
    const { enter } = await make('live', steps[0]);
    await joined(join(enter, 'exec sleep 60'), enter);
    let previous = steps[0] ?? {};
    for (const limits of steps.slice(1)) {
      for (const op of planLimits({ ...ref('live'), limits, previous })) await cgroupHandlers.apply(op);
      const expected = Number.isFinite(limits.memoryBytes) ? limits.memoryBytes : undefined;
      expect(readZoneUsage(ref('live')).memoryLimitBytes).to.equal(expected);
      expect(readZoneUsage(ref('live')).pidsLimit).to.equal(limits.pids);
      previous = limits;
    }
    const before = readZoneUsage(ref('live'));
    const change = planLimits({
      ...ref('live'),
      limits: { memoryBytes: 96 * MiB, pids: 5 },
      previous,
    });
    for (const op of change) await cgroupHandlers.apply(op);
    for (const op of [...change].reverse()) await cgroupHandlers.undo(op);
    expect(readZoneUsage(ref('live')).memoryLimitBytes).to.equal(before.memoryLimitBytes);
    expect(readZoneUsage(ref('live')).pidsLimit).to.equal(undefined);
  });

  it('refuses a list of CPUs that the host does not have', async () => {
    const error = await expectFailure(make('nowhere', { cpuset: '4090' }), 'KERNEL_STEP_FAILED');
    expect(error.hint).to.include('online');
  });

  it('holds a guarantee through all groups above, or refuses it', async () => {
    if (layout.controllers.memory?.version !== 2) {
      await expectFailure(make('floor', { memoryGuaranteeBytes: 8 * MiB }), 'CGROUP_CONTROLLER_MISSING');
      return;
    }
    if ((layout.floors ?? []).some(({ bytes }) => bytes < 12 * MiB)) {
      const error = await expectFailure(make('floor', { memoryGuaranteeBytes: 12 * MiB }), 'HOST_FEATURE_MISSING');
      expect(error.hint).to.include('--memory-guarantee');
      return;
    }
    const { groups } = await make('floor', { memoryGuaranteeBytes: 8 * MiB });
    await make('other', { memoryGuaranteeBytes: 4 * MiB });
    const [memory = expect.fail()] = groups;
    const minimum = (path: string) => Number(readFileSync(`${path}/memory.min`, 'utf8'));
    expect([memory.path, ...memory.parents].map(minimum)).to.deep.equal([8 * MiB, 12 * MiB, 12 * MiB]);
  });

  it('says why memory cannot be limited below what is in use', async function () {
    requires('cgroup-v1').call(this);
    const { enter } = await make('full');
    join(enter, 'exec perl -e \'$x = "x" x 40_000_000; sleep 60\'');
    await until(() => (readZoneUsage(ref('full')).memoryBytes ?? 0) > 40_000_000);
    const ops = planLimits({ ...ref('full'), limits: { memoryBytes: MiB }, previous: {} });
    const failure = expectFailure(
      (async () => {
        for (const op of ops) await cgroupHandlers.apply(op);
      })(),
      'KERNEL_STEP_FAILED',
    );
    expect((await failure).context).to.include({ errno: 'EBUSY' });
    expect((await failure).hint).to.include('in use');
  });

  it('replaces what a killed start has left, but not under processes', async () => {
    const { enter, prepare } = await make('again', { pids: 7 });
    const { prepare: fresh } = planZoneCgroups({ ...ref('again'), limits: {} });
    for (const op of fresh) await cgroupHandlers.apply(op);
    expect(readZoneUsage(ref('again')).pidsLimit).to.equal(undefined);
    await joined(join(enter, 'exec sleep 60'), enter);
    const create =
      prepare.find((op) => op.op === 'cgroup.create' && op.path.includes('freezer')) ??
      prepare.find(({ op }) => op === 'cgroup.create');
    await expectFailure(cgroupHandlers.apply(create ?? expect.fail()), 'KERNEL_STEP_FAILED');
    expect(zonePids(ref('again'))).to.have.length(1);
  });

  it('waits for those that are dead, and reaped late; not for those that live', async () => {
    const { enter, prepare, groups } = await make('late');
    const remove = async () => {
      for (const op of [...prepare].reverse()) await cgroupHandlers.undo(op);
    };
    const script = `$| = 1; my $child = fork;
      if (!$child) { for (@ARGV) { open my $file, ">", $_ or die; print $file 0; close $file } print "in\\n"; sleep 60 }
      <STDIN>; kill 9, $child; print "killed\\n"; <STDIN>; waitpid $child, 0;`;
    const parent = spawn('perl', ['-e', script, ...enter.flatMap(joinedBy)], { stdio: ['pipe', 'pipe', 'inherit'] });
    undo.push(async () => {
      parent.stdin.end();
      await ended(parent);
    });
    const says = async (word: string) => expect(String((await once(parent.stdout, 'data'))[0])).to.equal(`${word}\n`);
    await says('in');
    await expectFailure(remove(), 'KERNEL_STEP_FAILED');
    parent.stdin.write('\n');
    await says('killed');
    const removing = remove();
    setTimeout(() => parent.stdin.write('\n'), 1000);
    await removing;
    expect(groups.filter(({ path }) => existsSync(path))).to.deep.equal([]);
  });

  it('makes zones whose names are those of control files', async () => {
    for (const zone of ['tasks', 'cgroup.procs', 'memory.max']) {
      const { enter } = await make(zone);
      await joined(join(enter, 'exec sleep 60'), enter);
      expect(zonePids(ref(zone))).to.have.length(1);
    }
  });

  it('lets zones come and go side by side', async () => {
    const plans = Array.from({ length: 6 }, (_, index) =>
      planZoneCgroups({ ...ref(`side${index}`), limits: { pids: 5 } }),
    );
    await Promise.all(
      plans.map(async ({ prepare }) => {
        for (let round = 0; round < 20; round++) {
          for (const op of prepare) await cgroupHandlers.apply(op).then(() => new Promise(setImmediate));
          for (const op of [...prepare].reverse()) await cgroupHandlers.undo(op).then(() => new Promise(setImmediate));
          removeSharedGroups(layout, instance);
        }
      }),
    );
  });

  it('has a place for monitors that can be joined', async () => {
    const { prepare, enter } = planMonitorCgroup(layout);
    for (const op of prepare) await cgroupHandlers.apply(op);
    const child = join(enter, 'exec sleep 60');
    await until(() => /tszone\/monitors/.test(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')));
    child.kill('SIGKILL');
    await ended(child);
  });

  /** A shell that moves itself as the helper does, before it runs the command. */
  function join(enter: readonly EnterOp[], command: string): ChildProcess {
    const files = enter.flatMap(joinedBy);
    const script = `for file in ${files.join(' ')}; do echo 0 > $file || exit 99; done; ${command}`;
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    undo.push(async () => {
      child.kill('SIGKILL');
      await ended(child);
    });
    return child;
  }
});

/** It is in all of the groups: it moves from one to the other, and each move takes a while. */
const joined = (child: ChildProcess, enter: readonly EnterOp[]) =>
  eventually('it has joined', () =>
    enter.flatMap(joinedBy).every((file) => readFileSync(file, 'utf8').split('\n').includes(String(child.pid))),
  );

async function ended(child: ChildProcess): Promise<string | number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.signalCode ?? child.exitCode ?? -1;
}

async function output(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (/fork/.test(text)) break;
  }
  return text;
}

/** What a process writes 0 to; a program of devices is joined by nobody. */
function joinedBy(op: EnterOp): string[] {
  if (op.op === 'cgroup.into') return [`${op.path}/cgroup.procs`];
  return op.op === 'cgroup.join' || op.op === 'monitor.leave' ? [op.path] : [];
}

const until = (isDone: () => boolean): Promise<unknown> => eventually(String(isDone), isDone);

async function expectFailure(
  promise: Promise<unknown>,
  code: string,
): Promise<{ hint: string; context: Record<string, unknown> }> {
  const error = await promise.then(
    () => expect.fail(`no ${code}`),
    (reason: unknown) => reason,
  );
  expect(error).to.include({ code });
  return error as { hint: string; context: Record<string, unknown> };
}
