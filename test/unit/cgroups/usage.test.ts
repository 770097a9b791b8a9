import { expect } from 'chai';
import { isZoneFrozen, readZoneUsage, zonePids } from '../../../src/cgroups/index.js';
import { layoutV1, layoutV2 } from './layouts.js';
import { makeTree, type Tree } from './tree.js';

describe('what is read of a zone', () => {
  let tree: Tree;
  beforeEach(() => {
    tree = makeTree();
  });
  afterEach(() => tree.remove());

  const v1 = () => ({ layout: layoutV1(tree.root), instance: 'i', zone: 'web' });
  const v2 = () => ({ layout: layoutV2(tree.root), instance: 'i', zone: 'web' });

  it('has one form, from v1', () => {
    const put = (controller: string, file: string, text: string) =>
      tree.put(`${controller}/tszone/i/web/${file}`, text);
    put('memory', 'memory.usage_in_bytes', '1000\n');
    put('memory', 'memory.max_usage_in_bytes', '3000\n');
    put('memory', 'memory.limit_in_bytes', '4096\n');
    put('memory', 'memory.memsw.usage_in_bytes', '1500\n');
    put('memory', 'memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n');
    put('cpuacct', 'cpuacct.usage', '5000000\n');
    put('cpu', 'cpu.stat', 'nr_periods 9\nnr_throttled 4\nthrottled_time 7000000\n');
    put('pids', 'pids.current', '3\n');
    put('pids', 'pids.max', '64\n');
    put('pids', 'pids.events', 'max 1\n');
    expect(readZoneUsage(v1())).to.deep.equal(expected);
  });

  it('has the same form from v2', () => {
    const put = (file: string, text: string) => tree.put(`tszone/i/web/${file}`, text);
    put('memory.current', '1000\n');
    put('memory.peak', '3000\n');
    put('memory.max', '4096\n');
    put('memory.swap.current', '500\n');
    put('memory.events', 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 2\n');
    put('cpu.stat', 'usage_usec 5000\nuser_usec 1\nsystem_usec 2\nnr_periods 9\nnr_throttled 4\nthrottled_usec 7000\n');
    put('pids.current', '3\n');
    put('pids.max', '64\n');
    put('pids.events', 'max 1\n');
    expect(readZoneUsage(v2())).to.deep.equal(expected);
  });

  const expected = {
    memoryBytes: 1000,
    memoryPeakBytes: 3000,
    memoryLimitBytes: 4096,
    swapBytes: 500,
    oomKills: 2,
    cpuUsageUs: 5000,
    cpuThrottledUs: 7000,
    cpuThrottledPeriods: 4,
    pids: 3,
    pidsLimit: 64,
    pidsRefused: 1,
  };

  it('leaves out what is unlimited or not counted', () => {
    tree.put('memory/tszone/i/web/memory.limit_in_bytes', '9223372036854771712\n');
    tree.put('pids/tszone/i/web/pids.max', 'max\n');
    expect(readZoneUsage(v1())).to.deep.equal({});
    expect(readZoneUsage(v2())).to.deep.equal({});
  });

  it('lists processes of the group and of all below it, once', () => {
    tree.put('tszone/i/web/cgroup.procs', '10\n11\n');
    tree.put('tszone/i/web/exec-1/cgroup.procs', '12\n0\n');
    tree.put('tszone/i/web/a/b/cgroup.procs', '13\n10\n');
    tree.put('tszone/i/other/cgroup.procs', '99\n');
    expect(zonePids(v2()).sort()).to.deep.equal([10, 11, 12, 13]);
    expect(zonePids({ ...v2(), zone: 'gone' })).to.deep.equal([]);
  });

  it('knows a frozen zone', () => {
    expect(isZoneFrozen(v1())).to.equal(false);
    tree.put('freezer/tszone/i/web/freezer.state', 'FREEZING\n');
    expect(isZoneFrozen(v1())).to.equal(false);
    tree.put('freezer/tszone/i/web/freezer.state', 'FROZEN\n');
    expect(isZoneFrozen(v1())).to.equal(true);
    tree.put('tszone/i/web/cgroup.events', 'populated 1\nfrozen 1\n');
    expect(isZoneFrozen(v2())).to.equal(true);
  });
});
