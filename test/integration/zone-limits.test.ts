/** What a zone may use, and what happens when it wants more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { HostFacts } from '../../src/host/index.js';
import { hasCode, type Zone } from '../../src/index.js';
import { Host } from '../../src/sdk/host.js';
import { givenHost } from '../helpers/given.js';
import { groupFile, groupOfProcess, statusField } from '../helpers/observe.js';
import { eventually } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

const mebibyte = 2 ** 20;
/** Needs 256 MB at once. */
const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=256M', 'count=1'];

describe('limits of a zone', () => {
  let zone: Zone;
  let pid: number;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    zone = await host.run({
      name: 'limited',
      image: 'busybox',
      net: 'none',
      memory: '128M',
      cpus: 0.5,
      pids: 64,
      cpuset: '0',
    });
    pid = (await zone.inspect()).pid ?? 0;
  });

  it('are where the kernel looks for them', async () => {
    expect(await groupFile(pid, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })).to.equal(
      String(128 * mebibyte),
    );
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('64');
    expect(await groupFile(pid, 'cpuset', { v1: 'cpuset.cpus', v2: 'cpuset.cpus' })).to.equal('0');
  });

  it('memory: who takes too much is killed, and the zone lives on and says so', async () => {
    expect((await zone.exec(eater)).oomKilled).to.equal(true);
    const { exitCode, signal } = await zone.exec(eater);
    expect([exitCode, signal]).to.deep.equal([137, 'SIGKILL']);
    expect(await sh(zone, 'echo still here')).to.equal('still here');
    const { status, note, usage } = await zone.status();
    expect(status).to.equal('running');
    expect(note).to.match(/^running; its memory limit killed \d+ process/);
    expect(usage?.oomKills).to.be.at.least(2);
    expect(usage?.memoryLimitBytes).to.equal(128 * mebibyte);
    expect(await given.host.ok(['status', 'limited'])).to.match(/status: +running; its memory limit killed/);
  });

  it('memory: who takes less is not', async () => {
    const { exitCode, oomKilled } = await zone.exec(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1']);
    expect([exitCode, oomKilled]).to.deep.equal([0, false]);
  });

  it('memory: a zone whose main program was killed says that its limit did it', async () => {
    await using greedy = await given.host.run({
      image: 'busybox',
      net: 'none',
      memory: '32M',
      init: 'none',
      command: eater,
    });
    await greedy.wait({ for: 'stopped' });
    const { note, exit } = await greedy.status();
    expect(note).to.equal('stopped: killed by its memory limit');
    expect([exit?.status, exit?.byLimit]).to.deep.equal([137, true]);
  });

  it('pids: one more is refused, and the host is not harmed', async () => {
    const fork = 'i=0; while [ $i -lt 80 ]; do sleep 100 & i=$((i+1)); done';
    const abort = new AbortController();
    const running = zone.exec(['sh', '-c', `sh -c "$FORK"; read line`], {
      signal: abort.signal,
      stdin: 'pipe',
      env: { FORK: fork },
    });
    running.then(
      () => {},
      () => {},
    );
    await eventually('forks are refused', async () => ((await zone.status()).usage?.pidsRefused ?? 0) > 0);
    expect((await zone.ps()).length).to.be.at.most(64);
    abort.abort();
    await eventually('all of them are gone', async () => (await zone.ps()).length <= 1);
  });

  it('cpus: half a CPU is what a busy loop gets', async () => {
    const accounted = async () => (await zone.status()).usage;
    const usedUs = async () => (await accounted())?.cpuUsageUs ?? 0;
    const idleUs = await usedUs();
    const abort = new AbortController();
    const busy = zone.exec(['sh', '-c', 'while :; do :; done & while :; do :; done'], { signal: abort.signal });
    const ended = busy.then(
      () => {},
      () => {},
    );
    await eventually('it is busy', async () => (await usedUs()) > idleUs + 200_000);
    // The time is from before the first look to after the last: who stands still between them sees a smaller share.
    const startedAt = process.hrtime.bigint();
    const before = await accounted();
    await sleep(2000);
    const after = await accounted();
    const elapsedUs = Number(process.hrtime.bigint() - startedAt) / 1000;
    abort.abort();
    await ended;
    const share = ((after?.cpuUsageUs ?? 0) - (before?.cpuUsageUs ?? 0)) / elapsedUs;
    expect(share).to.be.lessThan(0.65);
    // A machine that is busy with other things may not have given it more anyway.
    const wasThrottled = (after?.cpuThrottledPeriods ?? 0) > (before?.cpuThrottledPeriods ?? 0);
    expect(wasThrottled || share < 0.45).to.equal(true);
  });

  it('cpus: what tszone says is what the kernel has counted', async () => {
    const text = await groupFile(pid, 'cpuacct', { v1: 'cpuacct.usage', v2: 'cpu.stat' });
    const countedUs = Number(/^usage_usec (\d+)/m.exec(text)?.[1] ?? Number(text) / 1000);
    const { usage } = await zone.status();
    expect(usage?.cpuUsageUs).to.be.within(Math.floor(countedUs), countedUs * 1.5 + 1_000_000);
  });

  it('cpuset: it runs only there', async () => {
    expect(await statusField(pid, 'Cpus_allowed_list')).to.equal('0');
    expect(await sh(zone, 'grep Cpus_allowed_list /proc/self/status | cut -f 2')).to.equal('0');
  });

  it('hold for exec, too', async () => {
    const abort = new AbortController();
    const running = zone.exec(['sleep', '100'], { signal: abort.signal });
    running.then(
      () => {},
      () => {},
    );
    const found = await eventually('it is seen', async () =>
      (await zone.ps()).find(({ command }) => command === 'sleep 100'),
    );
    for (const controller of ['memory', 'pids', 'cpuset', 'freezer']) {
      expect((await groupOfProcess(found.hostPid, controller)).path, controller).to.match(
        /\/tszone\/[0-9a-f]{6}\/limited(\/|$)/,
      );
    }
    abort.abort();
  });

  it('set changes them at once, and for the next start', async () => {
    await given.host.ok(['set', 'limited', '--memory', '64M', '--pids', '32', '--cpus', '1']);
    expect(await groupFile(pid, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })).to.equal(
      String(64 * mebibyte),
    );
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('32');
    await zone.restart();
    pid = (await zone.inspect()).pid ?? 0;
    expect(await groupFile(pid, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' })).to.equal(
      String(64 * mebibyte),
    );
  });

  it('set --live changes them only now, set --next-boot only then', async () => {
    await given.host.ok(['set', 'limited', '--live', '--pids', '16']);
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('16');
    expect((await given.host.ok(['get', 'limited', 'pids'])).trim()).to.equal('32');
    await given.host.ok(['set', 'limited', '--next-boot', '--pids', '48']);
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('16');
    await zone.restart();
    pid = (await zone.inspect()).pid ?? 0;
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('48');
  });

  it('unset lifts them', async () => {
    await given.host.ok(['unset', 'limited', 'memory', 'pids']);
    const lifted = await groupFile(pid, 'memory', { v1: 'memory.limit_in_bytes', v2: 'memory.max' });
    expect(lifted === 'max' || Number(lifted) > 2 ** 50).to.equal(true);
    expect(await groupFile(pid, 'pids', { v1: 'pids.max', v2: 'pids.max' })).to.equal('max');
  });

  it('a limit that this host cannot hold is refused, never ignored', async () => {
    const { context } = await given.host.open();
    const { memory: _without, ...controllers } = context.facts.cgroup.controllers;
    const facts: HostFacts = { ...context.facts, cgroup: { ...context.facts.cgroup, controllers } };
    const poor = new Host({ ...context, facts });
    const before = await given.host.snapshot();
    const refused = await poor.run({ image: 'busybox', net: 'none', memory: '64M' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(hasCode(refused, 'CGROUP_CONTROLLER_MISSING'), String(refused)).to.equal(true);
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });
});
