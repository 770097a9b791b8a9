/** Spec + facts → plan, for a v1 and a v2 host, compared with the files beside it. `UPDATE_GOLDEN=1` writes them anew. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { planProfile } from '../../src/apparmor/index.js';
import type { EnterOp } from '../../src/helper/index.js';
import { argumentsOf } from '../../src/helper/index.js';
import type { CgroupLayout, HostFacts } from '../../src/host/index.js';
import { directoryOf, frozenLayersOf, planOpen } from '../../src/operations/zone-storage.js';
import { describeHostOp, planStart, type StartPlanInput } from '../../src/plan/index.js';
import { capabilityMask, capabilityNames, parseZoneOptions, type ZoneOptions } from '../../src/spec/index.js';
import { driverOf, type Pool } from '../../src/storage/index.js';

const roots = { root: '/var/lib/tszone', runRoot: '/run/tszone', instance: 'c0ffee' };
const v1Names = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'freezer', 'devices', 'blkio'] as const;

const v1: CgroupLayout = {
  mode: 'v1',
  controllers: Object.fromEntries(v1Names.map((name) => [name, { version: 1, mount: `/sys/fs/cgroup/${name}` }])),
  tracking: [],
  swapAccounting: true,
};

/** As systemd mounts v1, and pids with one that we have no use for. */
const together = { version: 1, mount: '/sys/fs/cgroup/cpu,cpuacct', hierarchy: ['cpu', 'cpuacct'] } as const;
const coMounted: CgroupLayout = {
  ...v1,
  controllers: {
    ...v1.controllers,
    cpu: together,
    cpuacct: together,
    pids: { version: 1, mount: '/sys/fs/cgroup/net_cls,pids', hierarchy: ['net_cls', 'pids'] },
  },
};

const v2Names = ['memory', 'cpu', 'cpuset', 'pids', 'io', 'freezer', 'devices'] as const;
const v2: CgroupLayout = {
  mode: 'v2',
  controllers: Object.fromEntries(v2Names.map((name) => [name, { version: 2, mount: '/sys/fs/cgroup' }])),
  unified: '/sys/fs/cgroup',
  base: '/sys/fs/cgroup',
  tracking: [],
  swapAccounting: true,
};

function factsWith(cgroup: CgroupLayout): HostFacts {
  return {
    kernel: { release: '6.1.0', major: 6, minor: 1, machine: 'x86_64', bootId: 'b' },
    isRoot: true,
    capabilities: { bounding: 0n, effective: 0n, boundingNames: [], effectiveNames: [] },
    cgroup,
    lsms: [],
    seccomp: true,
    usr: { merged: true, links: {}, dirs: [] },
    cpus: { count: 2, online: '0-1' },
    memoryNodes: '0',
    systemd: false,
  };
}

function inputFor(options: Partial<ZoneOptions>, cgroup: CgroupLayout): StartPlanInput {
  return {
    roots,
    facts: factsWith(cgroup),
    record: {
      version: 1,
      spec: parseZoneOptions({ name: 'web', image: 'debian', ...options }),
      image: {
        name: 'debian',
        kind: 'layers',
        layers: ['sha256:1'],
        arch: 'amd64',
        config: { env: { LANG: 'C.UTF-8' } },
      },
      ids: { base: 0x1000_0000, count: 65_536 },
      machineId: 'ab'.repeat(16),
      createdAtMs: 0,
      stoppedByUser: false,
      restarts: 0,
    },
    rootfs: `${roots.root}/zones/web/rootfs`,
    storage: { prepare: [], exit: [] },
    layers: ['/var/lib/tszone/images/layers/sha256-1'],
    trees: [],
    devices: [],
    fromImage: ['/etc/hosts'],
    filter: { when: 'now', flags: 4, program: '06000000' },
    network: {
      prepare: [],
      attach: [],
      enter: [],
      exit: [],
      addresses: ['10.88.0.2'],
      resolvConf: 'nameserver 10.0.0.1\n',
      notes: [],
    },
    stdio: 'log',
    programs: { init: '/opt/tszone-init', helper: '/opt/tszone-helper' },
    onExit: [],
  };
}

/** On a host that lacks one capability. */
function withCapabilities(options: Partial<ZoneOptions>, cgroup: CgroupLayout): StartPlanInput {
  const input = inputFor(options, cgroup);
  const effectiveNames = capabilityNames.filter((name) => name !== 'SYS_RESOURCE');
  const capabilities = { ...input.facts.capabilities, effectiveNames };
  return { ...input, facts: { ...input.facts, capabilities }, hostDevices: ['/dev/null', '/dev/vda'] };
}

const enterLine = (op: EnterOp) => [op.op, ...argumentsOf(op).map((argument) => JSON.stringify(argument))].join(' ');

function printed(input: StartPlanInput): string {
  const plan = planStart(input);
  return `${[...plan.prepare.map(describeHostOp), '', ...plan.enter.map(enterLine), '', ...plan.entryRecord.map(enterLine)].join('\n')}\n`;
}

async function compare(name: string, text: string): Promise<void> {
  const file = new URL(`start-plan/${name}.txt`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === '1') await writeFile(file, text);
  expect(text).to.equal(await readFile(file, 'utf8'));
}

describe('the plan of a start', () => {
  const limits = { memory: '128M', cpus: 0.5, pids: 64 } as const;

  it('is as written down for a cgroup v1 host', () => compare('v1', printed(inputFor(limits, v1))));
  it('is as written down for a cgroup v1 host with several controllers in a hierarchy', () =>
    compare('v1-co-mounted', printed(inputFor(limits, coMounted))));
  it('is as written down for a cgroup v2 host', () => compare('v2', printed(inputFor(limits, v2))));
  it('is as written down for a read-only zone with a command and a user', () =>
    compare(
      'read-only',
      printed(inputFor({ readOnly: true, command: ['id'], user: 'bob', tmpfs: ['/scratch:1M'] }, v1)),
    ));

  it('is as written down for a zone in a loop pool: mounted before the start, unmounted by the monitor', () => {
    const pool: Pool = { name: 'big', driver: 'loop', path: '/srv/big', mounts: `${roots.runRoot}/volumes` };
    const record = { ...inputFor({}, v2).record, storage: { pool: 'big', volume: 'ab12', layers: ['cd34'] } };
    const place = { pool, driver: driverOf(pool), volume: 'ab12', layers: ['cd34'], limits: {} };
    const layers = [...frozenLayersOf(place), '/var/lib/tszone/images/layers/sha256-1'];
    const input = { ...inputFor({}, v2), record, layers, rootfs: directoryOf(place), storage: planOpen(place) };
    return compare('loop-pool', printed(input));
  });

  it('is as written down for zones with devices of the host', async () => {
    const fuse = {
      path: '/dev/fuse',
      kind: 'c',
      major: 10,
      minor: 229,
      mode: 0o666,
      uid: 0,
      gid: 0,
      access: 'rw',
    } as const;
    const disk = {
      path: '/dev/loop0',
      kind: 'b',
      major: 7,
      minor: 0,
      mode: 0o660,
      uid: 0,
      gid: 6,
      access: 'r',
    } as const;
    for (const [name, layout] of [
      ['devices-v1', v1],
      ['devices-v2', v2],
    ] as const)
      await compare(name, printed({ ...inputFor({}, layout), devices: [fuse, disk] }));
  });

  it('is as written down for a zone without a user namespace', () =>
    compare('host-ids', printed(withCapabilities({ userns: 'host', sysctl: { 'net.core.somaxconn': '99' } }, v2))));
  it('is as written down for zones that may hold zones', async () => {
    for (const [name, layout] of [
      ['nesting-v1', v1],
      ['nesting-v2', v2],
    ] as const)
      await compare(name, printed(inputFor({ nesting: true }, layout)));
  });
  it('is as written down for zones whose init is systemd: no more of v1, a bounded group of v2', async () => {
    const unified = '/sys/fs/cgroup/unified';
    const hybrid = { ...v1, mode: 'hybrid', unified, base: unified } as const;
    for (const [name, layout] of [
      ['systemd-hybrid', hybrid],
      ['systemd-v2', v2],
    ] as const)
      await compare(name, printed({ ...inputFor({ init: 'full' }, layout), bootsSystemd: true }));
    const plain = printed(inputFor({ init: 'full' }, hybrid));
    expect(plain).to.equal(printed(inputFor({ init: 'full' }, v1)));
  });
  it('is as written down for a privileged zone, which lacks only what the host does', () =>
    compare('privileged', printed(withCapabilities({ privileged: true }, v1))));

  it('is as written down for a host with AppArmor', () => {
    const input = inputFor({}, v2);
    const facts = { ...input.facts, lsms: ['apparmor'], apparmor: { hasInterface: true, isConfined: false } };
    return compare('apparmor', printed({ ...input, facts, profile: planProfile(roots, 'mapped') }));
  });

  it('has nothing of AppArmor where there is none', () => {
    const plan = planStart(inputFor({}, v2));
    const ops = [...plan.prepare, ...plan.enter, ...plan.entryRecord].map(({ op }) => op);
    expect(ops.filter((op) => /apparmor|monitor\.share|exit\.last/.test(op))).to.deep.equal([]);
  });

  it('cannot listen to the network of the host with its ids, unless that is asked for', () => {
    const hasRaw = (options: Partial<ZoneOptions>) => {
      const caps = planStart(withCapabilities({ userns: 'host', ...options }, v1)).enter.find(
        (op) => op.op === 'cred.caps',
      );
      return caps?.op === 'cred.caps' && (BigInt(caps.bounding) & capabilityMask(['NET_RAW'])) !== 0n;
    };
    expect([{}, { net: 'host' }, { net: 'host', capAdd: ['NET_RAW'] }].map(hasRaw)).to.deep.equal([true, false, true]);
  });

  it('tells the monitor to start node only where a policy has to decide', () => {
    const spawned = (onExit: string[]) =>
      planStart({ ...inputFor({}, v1), onExit }).enter.filter(({ op }) => op === 'exit.spawn');
    expect(spawned([])).to.deep.equal([]);
    expect(spawned(['node', 'x'])).to.deep.equal([{ op: 'exit.spawn', argv: ['node', 'x'] }]);
  });

  it('gives no capability that is global to the kernel', () => {
    const caps = planStart(inputFor({}, v1)).enter.find((op) => op.op === 'cred.caps');
    const bounding = BigInt(caps?.op === 'cred.caps' ? caps.bounding : '-1');
    for (const bit of [16n, 17n, 25n, 34n, 38n, 39n]) expect(bounding & (1n << bit), `bit ${bit}`).to.equal(0n);
  });
});
