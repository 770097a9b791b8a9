import { expect } from 'chai';
import { cgroupLayout } from '../../../src/host/cgroup-layout.js';
import { parseMountinfo } from '../../../src/host/mountinfo.js';

interface Host {
  readonly mounts: readonly string[];
  readonly systemd?: boolean;
  readonly files?: Readonly<Record<string, string>>;
}

function layoutOf({ mounts, systemd = false, files = {} }: Host) {
  return cgroupLayout({
    mounts: parseMountinfo(mounts.map((line, index) => `${index + 20} 1 0:${index} / ${line}`).join('\n')),
    systemd,
    read: (path) => files[path],
    exists: (path) => path in files,
  });
}

const v2 = {
  mounts: ['/sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate'],
  files: {
    '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n',
    '/sys/fs/cgroup/cgroup.procs': '',
    '/proc/swaps': '',
  },
};

describe('cgroupLayout', () => {
  it('reads v1 hierarchies, co-mounted ones too', () => {
    const layout = layoutOf({
      mounts: [
        '/sys/fs/cgroup ro - tmpfs tmpfs ro',
        '/sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '/sys/fs/cgroup/blkio rw - cgroup cgroup rw,seclabel,net_cls,blkio,noprefix,xattr,clone_children,release_agent=/x',
        '/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      ],
      files: { '/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '' },
    });
    expect(layout).to.deep.equal({
      mode: 'v1',
      controllers: {
        cpu: { version: 1, mount: '/sys/fs/cgroup/cpu,cpuacct', hierarchy: ['cpu', 'cpuacct'] },
        cpuacct: { version: 1, mount: '/sys/fs/cgroup/cpu,cpuacct', hierarchy: ['cpu', 'cpuacct'] },
        blkio: { version: 1, mount: '/sys/fs/cgroup/blkio', hierarchy: ['net_cls', 'blkio'] },
        memory: { version: 1, mount: '/sys/fs/cgroup/memory' },
      },
      tracking: [],
      swapAccounting: true,
    });
  });

  it('reads v2, which freezes and filters devices without a controller', () => {
    const layout = layoutOf(v2);
    expect(layout).to.include({ mode: 'v2', unified: '/sys/fs/cgroup', base: '/sys/fs/cgroup', swapAccounting: true });
    expect(Object.keys(layout.controllers)).to.have.members([
      'cpuset',
      'cpu',
      'io',
      'memory',
      'pids',
      'freezer',
      'devices',
    ]);
    expect(layout).to.not.have.property('delegate');
  });

  it('has no devices to list where a level above holds them: in a user namespace', () => {
    const first = layoutOf({
      ...v2,
      files: { ...v2.files, '/proc/self/uid_map': '         0          0 4294967295\n' },
    });
    expect(first.controllers).to.have.property('devices');
    expect(first).to.not.have.property('devicesAbove');
    const inner = layoutOf({
      ...v2,
      files: { ...v2.files, '/proc/self/uid_map': '         0  268435456      65536\n' },
    });
    expect(inner.controllers).to.not.have.property('devices');
    expect(inner.devicesAbove).to.equal(true);
  });

  it('makes groups below a unit of its own where systemd owns v2', () => {
    const layout = layoutOf({ ...v2, systemd: true });
    expect(layout.base).to.equal('/sys/fs/cgroup/machine.slice/tszone-zones.service');
    expect(layout.delegate).to.deep.equal({ unit: 'tszone-zones.service', slice: 'machine.slice' });
    expect(layout.tracking).to.deep.equal([]);
  });

  it('takes v1’s controller over v2’s in a hybrid, and knows what systemd tracks by', () => {
    const host: Host = {
      mounts: [
        '/sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
        '/sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
        '/sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
        '/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
      ],
      files: { '/sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n', '/sys/fs/cgroup/unified/cgroup.procs': '' },
    };
    expect(layoutOf(host)).to.include({ mode: 'hybrid', unified: '/sys/fs/cgroup/unified', swapAccounting: false });
    expect(layoutOf(host).controllers).to.deep.equal({
      pids: { version: 1, mount: '/sys/fs/cgroup/pids' },
      freezer: { version: 1, mount: '/sys/fs/cgroup/freezer' },
      devices: { version: 2, mount: '/sys/fs/cgroup/unified' },
    });
    expect(layoutOf(host).tracking).to.deep.equal([]);
    expect(layoutOf({ ...host, systemd: true }).tracking).to.deep.equal([
      { version: 1, mount: '/sys/fs/cgroup/systemd' },
      { version: 2, mount: '/sys/fs/cgroup/unified' },
    ]);
    expect(layoutOf({ ...host, systemd: true })).to.not.have.property('delegate');
  });

  it('does not count what cannot be written, as in an unprivileged container', () => {
    expect(layoutOf({ ...v2, mounts: ['/sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw'] })).to.deep.equal({
      mode: 'v2',
      controllers: {},
      tracking: [],
      swapAccounting: false,
    });
  });

  it('believes the command line about swap on v2', () => {
    expect(layoutOf({ ...v2, files: { ...v2.files, '/proc/cmdline': 'quiet swapaccount=0' } }).swapAccounting).to.equal(
      false,
    );
    expect(layoutOf({ ...v2, files: { ...v2.files, '/proc/cmdline': 'swapaccount=1' } }).swapAccounting).to.equal(true);
  });

  describe('floors of memory', () => {
    const machine = '/sys/fs/cgroup/machine.slice';
    const floorsOf = (files: Readonly<Record<string, string>>, systemd: boolean) =>
      layoutOf({ ...v2, systemd, files: { ...v2.files, ...files } }).floors;

    it('are those of the groups above ours', () => {
      expect(floorsOf({ [`${machine}/memory.min`]: '4096\n' }, true)).to.deep.equal([{ path: machine, bytes: 4096 }]);
      expect(floorsOf({ [`${machine}/memory.min`]: 'max\n' }, true)).to.equal(undefined);
      expect(
        floorsOf(
          {
            [`${machine}/memory.min`]: '4096\n',
            [`${machine}/tszone-zones.service/cgroup.procs`]: '',
            [`${machine}/tszone-zones.service/memory.min`]: '0\n',
          },
          true,
        ),
      ).to.deep.equal([
        { path: machine, bytes: 4096 },
        { path: `${machine}/tszone-zones.service`, bytes: 0 },
      ]);
    });

    it('are none where a group hands memory to nobody, or is not there yet', () => {
      expect(floorsOf({}, true)).to.deep.equal([{ path: machine, bytes: 0 }]);
    });

    it('are that of the container, which has a group where a machine has the root', () => {
      expect(floorsOf({}, false)).to.equal(undefined);
      expect(floorsOf({ '/sys/fs/cgroup/memory.min': '0\n' }, false)).to.deep.equal([
        { path: '/sys/fs/cgroup', bytes: 0 },
      ]);
    });
  });
});
