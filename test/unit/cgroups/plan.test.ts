import { expect } from 'chai';
import {
  type CgroupOp,
  cgroupHandlers,
  planExecCgroup,
  planLimits,
  planMonitorCgroup,
  planZoneCgroups,
  type ZoneLimits,
} from '../../../src/cgroups/index.js';
import type { CgroupLayout } from '../../../src/host/index.js';
import { layoutSystemd, layoutV1, layoutV2 } from './layouts.js';

const MiB = 2 ** 20;
const web = (layout: CgroupLayout) => ({ layout, instance: '0a1b2c', zone: 'web' });
const writes = (ops: readonly CgroupOp[]) =>
  ops.flatMap((op) => (op.op === 'cgroup.write' ? [`${op.path} = ${op.value}`] : []));
const paths = (ops: readonly { readonly op: string }[]) => ops.map((op) => `${op.op} ${'path' in op ? op.path : ''}`);
const ownFiles = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'];
const all: ZoneLimits = {
  memoryBytes: 128 * MiB,
  swapBytes: 64 * MiB,
  cpus: 0.5,
  cpuWeight: 200,
  pids: 64,
  cpuset: '0-1',
};

describe('planZoneCgroups', () => {
  it('writes the same limits into the files of v1 and of v2', () => {
    expect(writes(planZoneCgroups({ ...web(layoutV1()), limits: all }).prepare)).to.deep.equal([
      '/cg/memory/tszone/0a1b2c/web/memory.limit_in_bytes = 134217728',
      '/cg/memory/tszone/0a1b2c/web/memory.memsw.limit_in_bytes = 201326592',
      '/cg/cpu/tszone/0a1b2c/web/cpu.cfs_quota_us = 50000',
      '/cg/cpu/tszone/0a1b2c/web/cpu.shares = 2048',
      '/cg/pids/tszone/0a1b2c/web/pids.max = 64',
      '/cg/cpuset/tszone/0a1b2c/web/cpuset.cpus = 0-1',
    ]);
    expect(writes(planZoneCgroups({ ...web(layoutV2()), limits: all }).prepare)).to.deep.equal([
      '/cg/tszone/0a1b2c/web/memory.max = 134217728',
      '/cg/tszone/0a1b2c/web/memory.swap.max = 67108864',
      '/cg/tszone/0a1b2c/web/cpu.max = 50000 100000',
      '/cg/tszone/0a1b2c/web/cpu.weight = 200',
      '/cg/tszone/0a1b2c/web/pids.max = 64',
      '/cg/tszone/0a1b2c/web/cpuset.cpus = 0-1',
    ]);
  });

  it('makes memory a cap that cannot be left by swapping', () => {
    const memory = { memoryBytes: MiB };
    expect(writes(planZoneCgroups({ ...web(layoutV1()), limits: memory }).prepare)).to.deep.equal([
      '/cg/memory/tszone/0a1b2c/web/memory.limit_in_bytes = 1048576',
      '/cg/memory/tszone/0a1b2c/web/memory.memsw.limit_in_bytes = 1048576',
    ]);
    expect(writes(planZoneCgroups({ ...web(layoutV2()), limits: memory }).prepare)).to.deep.equal([
      '/cg/tszone/0a1b2c/web/memory.max = 1048576',
      '/cg/tszone/0a1b2c/web/memory.swap.max = 0',
    ]);
  });

  it('writes nothing for limits that are not there, or are none', () => {
    const none: ZoneLimits = {
      memoryBytes: Number.POSITIVE_INFINITY,
      swapBytes: null,
      cpus: null,
      pids: Number.POSITIVE_INFINITY,
      cpuset: '',
    };
    for (const layout of [layoutV1(), layoutV2()]) {
      expect(writes(planZoneCgroups({ ...web(layout), limits: {} }).prepare)).to.deep.equal([]);
      expect(writes(planZoneCgroups({ ...web(layout), limits: none }).prepare)).to.deep.equal([]);
    }
  });

  it('joins each v1 hierarchy by its tasks file, and v2 by its directory', () => {
    const v1 = planZoneCgroups({ ...web(layoutV1('/cg', ['memory', 'freezer'])), limits: {} });
    expect(v1.enter).to.deep.equal([
      { op: 'cgroup.join', path: '/cg/memory/tszone/0a1b2c/web/tasks' },
      { op: 'cgroup.join', path: '/cg/freezer/tszone/0a1b2c/web/tasks' },
    ]);
    expect(v1.exit).to.deep.equal([
      { op: 'exit.rmtree', path: '/cg/memory/tszone/0a1b2c/web' },
      { op: 'exit.rmtree', path: '/cg/freezer/tszone/0a1b2c/web' },
    ]);
    expect(v1.oomFile).to.equal('/cg/memory/tszone/0a1b2c/web/memory.oom_control');
    const v2 = planZoneCgroups({ ...web(layoutV2('/cg', ['memory', 'freezer'])), limits: {} });
    expect(v2.enter).to.deep.equal([{ op: 'cgroup.into', path: '/cg/tszone/0a1b2c/web' }]);
    expect(v2.exit).to.deep.equal([{ op: 'exit.rmtree', path: '/cg/tszone/0a1b2c/web' }]);
    expect(v2.oomFile).to.equal('/cg/tszone/0a1b2c/web/memory.events');
  });

  it('makes one group where controllers are mounted together', () => {
    const both = { version: 1 as const, mount: '/cg/cpu,cpuacct' };
    const layout: CgroupLayout = { ...layoutV1('/cg', ['freezer']), controllers: { cpu: both, cpuacct: both } };
    const { prepare, enter } = planZoneCgroups({ ...web(layout), limits: { cpus: 1 } });
    expect(paths(prepare)).to.deep.equal([
      'cgroup.create /cg/cpu,cpuacct/tszone/0a1b2c/web',
      'cgroup.write /cg/cpu,cpuacct/tszone/0a1b2c/web/cpu.cfs_quota_us',
    ]);
    expect(enter).to.have.length(1);
  });

  it('hands down on v2 what a limit needs, and what is only counted if it can be', () => {
    const enableOf = (limits: ZoneLimits) => {
      const [create] = planZoneCgroups({ ...web(layoutV2()), limits }).prepare;
      return create?.op === 'cgroup.create' ? create.enable : undefined;
    };
    expect(enableOf({})).to.deep.equal({ required: [], wanted: ['memory', 'cpu', 'pids'], above: '/cg' });
    expect(enableOf({ cpuset: '0', pids: 3 })).to.deep.equal({
      required: ['pids', 'cpuset'],
      wanted: ['memory', 'cpu'],
      above: '/cg',
    });
  });

  it('fills cpuset groups on v1, and restricts devices there', () => {
    const { prepare } = planZoneCgroups({ ...web(layoutV1('/cg', ['cpuset', 'devices'])), limits: {} });
    expect(prepare[0]).to.deep.equal({
      op: 'cgroup.create',
      path: '/cg/cpuset/tszone/0a1b2c/web',
      parents: ['/cg/cpuset/tszone', '/cg/cpuset/tszone/0a1b2c'],
      fill: ['cpuset.cpus', 'cpuset.mems'],
    });
    expect(paths(prepare).slice(1)).to.deep.equal([
      'cgroup.create /cg/devices/tszone/0a1b2c/web',
      'cgroup.devices /cg/devices/tszone/0a1b2c/web',
    ]);
  });

  it('gives groups to a zone that may divide them: on v1 those that only limit, on v2 with a bound on their number', () => {
    const ids = { uid: 1000, gid: 1000 };
    const owner = { ...ids, purpose: 'zones' } as const;
    const owned = (layout: CgroupLayout) =>
      planZoneCgroups({ ...web(layout), limits: {}, owner }).prepare.filter(({ op }) => op === 'cgroup.own');
    expect(paths(owned(layoutV1())).toSorted()).to.deep.equal(
      ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids'].map((name) => `cgroup.own /cg/${name}/tszone/0a1b2c/web`),
    );
    const counted = planZoneCgroups({ ...web(layoutV1()), limits: {}, owner }).enter;
    expect(counted.filter(({ op }) => op === 'monitor.groups')).to.have.length(5);
    expect(planZoneCgroups({ ...web(layoutV2()), limits: {}, owner }).enter.map(({ op }) => op)).to.not.include(
      'monitor.groups',
    );
    const { prepare } = planZoneCgroups({ ...web(layoutV2()), limits: {}, owner });
    expect(writes(prepare)).to.deep.equal([
      '/cg/tszone/0a1b2c/web/cgroup.max.descendants = 1024',
      '/cg/tszone/0a1b2c/web/cgroup.max.depth = 16',
    ]);
    expect(prepare.at(-1)).to.deep.include({ op: 'cgroup.own', files: ownFiles, ...ids });
    expect(planZoneCgroups({ ...web(layoutV2()), limits: {} }).prepare.map(({ op }) => op)).to.not.include(
      'cgroup.own',
    );
    const shared = { version: 1, mount: '/cg/net_cls,pids', hierarchy: ['net_cls', 'pids'] } as const;
    const mounted = { ...layoutV1(), controllers: { ...layoutV1().controllers, pids: shared } };
    expect(paths(owned(mounted)).join(), 'not with one that does more').to.not.include('pids');
  });

  it('in a zone on v2, what runs in the topmost group makes way before that hands anything down', () => {
    const inZone = layoutV2('/cg', ['memory', 'cpu', 'pids', 'freezer']);
    const { prepare } = planZoneCgroups({ ...web(inZone), limits: { pids: 5 } });
    const made = prepare.find((op) => op.op === 'cgroup.create');
    expect(made?.op === 'cgroup.create' && made.enable).to.include({ above: '/cg', leaf: '/cg/tszone-rest' });
  });

  it('lives below a delegated unit under systemd with v2', () => {
    const { prepare, enter } = planZoneCgroups({ ...web(layoutSystemd()), limits: {} });
    expect(prepare[0]).to.deep.equal({
      op: 'cgroup.delegate',
      unit: 'tszone-zones.service',
      slice: 'machine.slice',
      path: '/cg/machine.slice/tszone-zones.service',
    });
    expect(paths(enter)).to.deep.equal([
      'cgroup.into /cg/machine.slice/tszone-zones.service/tszone/0a1b2c/web',
      'cgroup.program /cg/machine.slice/tszone-zones.service/tszone/0a1b2c/web',
    ]);
  });

  it('leaves the hierarchies by which systemd tracks a service on v1', () => {
    const tracking = [
      { version: 1 as const, mount: '/cg/systemd' },
      { version: 2 as const, mount: '/cg/unified' },
    ];
    const layout: CgroupLayout = {
      ...layoutV1('/cg', ['pids']),
      mode: 'hybrid',
      unified: '/cg/unified',
      base: '/cg/unified',
      tracking,
    };
    expect(paths(planZoneCgroups({ ...web(layout), limits: {} }).enter)).to.deep.equal([
      'cgroup.join /cg/pids/tszone/0a1b2c/web/tasks',
      'cgroup.join /cg/systemd/tszone/0a1b2c/web/tasks',
      'cgroup.into /cg/unified/tszone/0a1b2c/web',
    ]);
    expect(paths(planMonitorCgroup(layout).enter)).to.include('monitor.leave /cg/unified/tszone/monitors/cgroup.procs');
  });

  it('keeps names of control files apart from groups', () => {
    for (const zone of ['tasks', 'cgroup.procs', 'memory.max', 'release_agent']) {
      const { enter } = planZoneCgroups({ ...web(layoutV2()), zone, limits: {} });
      expect(paths(enter)[0]).to.equal(`cgroup.into /cg/tszone/0a1b2c/_${zone}`);
    }
  });

  it('raises the floor of the groups above with that of a zone', () => {
    const { prepare } = planZoneCgroups({ ...web(layoutV2()), limits: { memoryGuaranteeBytes: MiB } });
    expect(prepare.slice(-3).map(cgroupHandlers.describe)).to.deep.equal([
      'write 1048576 to /cg/tszone/0a1b2c/web/memory.min',
      'make /cg/tszone/0a1b2c/memory.min the sum of the groups below',
      'make /cg/tszone/memory.min the sum of the groups below',
    ]);
  });
});

describe('a limit that the host cannot enforce', () => {
  const cases: readonly [string, CgroupLayout, ZoneLimits, string, RegExp][] = [
    [
      'memory without the controller',
      layoutV1('/cg', ['cpu']),
      { memoryBytes: MiB },
      'CGROUP_CONTROLLER_MISSING',
      /"memory"/,
    ],
    ['cpus without the controller', layoutV2('/cg', ['memory']), { cpus: 1 }, 'CGROUP_CONTROLLER_MISSING', /"cpu"/],
    ['pids without the controller', layoutV2('/cg', ['memory']), { pids: 1 }, 'CGROUP_CONTROLLER_MISSING', /"pids"/],
    [
      'a CPU list without the controller',
      layoutV2('/cg', ['memory']),
      { cpuset: '0' },
      'CGROUP_CONTROLLER_MISSING',
      /"cpuset"/,
    ],
    [
      'swap that is not counted',
      { ...layoutV1(), swapAccounting: false },
      { memoryBytes: MiB, swapBytes: MiB },
      'CGROUP_CONTROLLER_MISSING',
      /swap/,
    ],
    ['swap without memory', layoutV2(), { swapBytes: MiB }, 'SPEC_INVALID', /memory/],
    ['a guarantee on v1', layoutV1(), { memoryGuaranteeBytes: MiB }, 'CGROUP_CONTROLLER_MISSING', /"memory"/],
    ['anything without a hierarchy', layoutV1('/cg', []), {}, 'HOST_FEATURE_MISSING', /hierarchy/],
  ];
  for (const [title, layout, limits, code, text] of cases) {
    it(`is refused: ${title}`, () => {
      for (const plan of [
        () => planZoneCgroups({ ...web(layout), limits }),
        () => planLimits({ ...web(layout), limits, previous: {} }),
      ]) {
        try {
          plan();
        } catch (error) {
          expect(error).to.include({ code });
          expect(error).to.have.property('message').that.matches(text);
          expect(error).to.have.property('hint').that.is.a('string');
          continue;
        }
        expect.fail('accepted');
      }
    });
  }

  it('is not looked for when nothing asks for it', () => {
    expect(planZoneCgroups({ ...web(layoutV1('/cg', ['freezer'])), limits: {} })).to.not.have.property('oomFile');
  });
});

describe('planLimits', () => {
  const change = (layout: CgroupLayout, previous: ZoneLimits, limits: ZoneLimits) =>
    planLimits({ ...web(layout), limits, previous });
  const files = (ops: readonly CgroupOp[]) => writes(ops).map((line) => line.replace(/^.*\//, ''));

  it('never has memory above memory and swap together on v1', () => {
    const limits = [undefined, MiB, 4 * MiB, 64 * MiB, Number.POSITIVE_INFINITY];
    const all = limits.flatMap((memoryBytes) =>
      [undefined, 0, 3 * MiB, null].map((swapBytes): ZoneLimits => ({ memoryBytes, swapBytes })),
    );
    const possible = all.filter(
      ({ memoryBytes, swapBytes }) => Number.isFinite(memoryBytes) || !Number.isInteger(swapBytes),
    );
    for (const previous of possible)
      for (const next of possible) applyToModel(change(layoutV1(), {}, previous), change(layoutV1(), previous, next));
  });

  it('writes only what differs, and knows what was', () => {
    const ops = change(layoutV1(), { pids: 5, cpus: 1 }, { pids: 9, cpus: 1 });
    expect(ops).to.deep.equal([
      {
        op: 'cgroup.write',
        path: '/cg/pids/tszone/0a1b2c/web/pids.max',
        value: '9',
        previous: '5',
        purpose: 'pids limit',
        controller: 'pids',
      },
    ]);
    expect(change(layoutV2(), all, all)).to.deep.equal([]);
  });

  it('takes limits away', () => {
    expect(files(change(layoutV1(), all, {}))).to.have.members([
      'memory.memsw.limit_in_bytes = -1',
      'memory.limit_in_bytes = -1',
      'cpu.cfs_quota_us = -1',
      'cpu.shares = 1024',
      'pids.max = max',
      'cpuset.cpus = ',
    ]);
    expect(files(change(layoutV2(), all, {}))).to.have.members([
      'memory.max = max',
      'memory.swap.max = max',
      'cpu.max = max 100000',
      'cpu.weight = 100',
      'pids.max = max',
      'cpuset.cpus = ',
    ]);
  });

  it('hands a controller down first on v2', () => {
    expect(change(layoutV2(), {}, { cpuset: '0' })[0]).to.deep.equal({
      op: 'cgroup.enable',
      paths: ['/cg', '/cg/tszone', '/cg/tszone/0a1b2c'],
      required: ['cpuset'],
      wanted: ['memory', 'cpu', 'pids'],
    });
  });

  /** The kernel's rule for the two v1 files, over every write and over every write's undo. */
  function applyToModel(first: readonly CgroupOp[], second: readonly CgroupOp[]): void {
    const model = new Map([
      ['memory.limit_in_bytes', Number.POSITIVE_INFINITY],
      ['memory.memsw.limit_in_bytes', Number.POSITIVE_INFINITY],
    ]);
    const set = (path: string, value: string) => {
      model.set(path.replace(/^.*\//, ''), value === '-1' ? Number.POSITIVE_INFINITY : Number(value));
      const [memory = 0, both = 0] = model.values();
      expect(memory, `${path} = ${value}`).to.be.at.most(both);
    };
    const run = (ops: readonly CgroupOp[]) => {
      for (const op of ops) if (op.op === 'cgroup.write') set(op.path, op.value);
    };
    run(first);
    run(second);
    for (const op of [...second].reverse()) if (op.op === 'cgroup.write') set(op.path, op.previous ?? '');
  }
});

describe('planExecCgroup', () => {
  const web1 = (controllers: Parameters<typeof layoutV1>[1]) => web(layoutV1('/cg', controllers));

  it('has a group of its own below the freezer of v1, and the zone’s own elsewhere', () => {
    expect(planExecCgroup(web1(['memory', 'freezer']))).to.deep.equal([
      { op: 'exec.group', path: '/cg/freezer/tszone/0a1b2c/web/exec-', kind: 'tasks', fill: [] },
      { op: 'cgroup.join', path: '/cg/memory/tszone/0a1b2c/web/tasks' },
      { op: 'monitor.oom', path: '/cg/memory/tszone/0a1b2c/web/memory.oom_control' },
    ]);
  });

  it('has a group below the zone’s on v2, without controllers', () => {
    expect(planExecCgroup(web(layoutV2()))).to.deep.equal([
      { op: 'exec.group', path: '/cg/tszone/0a1b2c/web/exec-', kind: 'into', fill: [] },
      { op: 'monitor.oom', path: '/cg/tszone/0a1b2c/web/memory.events' },
    ]);
  });

  it('does without a freezer, and fills a cpuset of its own', () => {
    expect(planExecCgroup(web1(['cpuset']))).to.deep.equal([
      {
        op: 'exec.group',
        path: '/cg/cpuset/tszone/0a1b2c/web/exec-',
        kind: 'tasks',
        fill: ['cpuset.cpus', 'cpuset.mems'],
      },
    ]);
  });
});

describe('planMonitorCgroup', () => {
  it('takes monitors out of their caller’s groups', () => {
    const { prepare, enter } = planMonitorCgroup(layoutV1('/cg', ['memory', 'cpuset']));
    expect(prepare).to.deep.equal([
      { op: 'cgroup.share', path: '/cg/memory/tszone/monitors', parents: ['/cg/memory/tszone'], fill: [] },
      {
        op: 'cgroup.share',
        path: '/cg/cpuset/tszone/monitors',
        parents: ['/cg/cpuset/tszone'],
        fill: ['cpuset.cpus', 'cpuset.mems'],
      },
    ]);
    expect(paths(enter)).to.deep.equal([
      'monitor.leave /cg/memory/tszone/monitors/tasks',
      'monitor.leave /cg/cpuset/tszone/monitors/tasks',
    ]);
    expect(paths(planMonitorCgroup(layoutV2()).enter)).to.deep.equal([
      'monitor.leave /cg/tszone/monitors/cgroup.procs',
    ]);
  });
});
