/** What a zone that may hold zones has more than others: user namespaces, an uncovered /proc, groups of its own. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import {
  type Alter,
  type Altered,
  anyDevice,
  both,
  hostsCapabilities,
  startAltered,
  withoutGroup,
  withoutPidNamespace,
  withoutUserNamespace,
} from '../helpers/altered-zone.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { isV2, pidsGroup } from '../helpers/pids-group.js';
import { sh } from '../helpers/temp-host.js';

/** Runs it as root of the zone, and as root of a user namespace in it: each with every capability there. */
const everywhere = (script: string) => `
  cat > /tmp/attack <<'END'
${script}
END
  sh /tmp/attack zone
  unshare -UrCnmpf --mount-proc sh /tmp/attack inner
  setpriv --reuid 1000 --regid 1000 --clear-groups unshare -Urmpf --mount-proc sh /tmp/attack user
  true`;

describe('Nesting: what is the kernel’s alone is set by the root of a namespace inside', () => {
  const given = givenHost();
  /** Writes nothing: what opens for that is named. */
  const attack = everywhere(`
    exec 2>/dev/null
    try() { for f in "$@"; do [ -f "$f" ] && ( : >>"$f" ) && echo "$f"; done; }
    for proc in /proc /dev/.tszone/proc /own; do
      mkdir /own; mount -t proc none /own
      try $proc/sysrq-trigger $proc/sys/vm/drop_caches $proc/sys/fs/binfmt_misc/register
      for name in core_pattern modprobe hotplug kptr_restrict sysrq; do try $proc/sys/kernel/$name; done
    done
    mount -o remount,bind,rw /sys; mount -o remount,bind,rw /dev/.tszone/sys
    for sys in /sys /dev/.tszone/sys; do try $sys/kernel/uevent_helper $(find $sys/kernel -maxdepth 2 -type f -writable); done
    mkdir /c; mount -t cgroup -o pids none /c || mount -t cgroup2 none /c
    try $(find /sys/fs/cgroup /c -name release_agent)
    umount /sys/fs/cgroup/* /sys/fs/cgroup /proc/sysrq-trigger && try /proc/sysrq-trigger`);
  const by = async (enter?: Alter) => {
    const spec = { name: 'sets', image: 'sparse', nesting: true, ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    return await sh(zone, attack);
  };

  it('nothing of it can be written, in whatever /proc, /sys or namespace', async () => {
    expect(await by()).to.equal('');
  });

  it('gets through without "user" in ns.flags', async () => {
    expect(await by(withoutUserNamespace)).to.match(/^\/dev\/\.tszone\/proc\/sys\/kernel\/core_pattern$/m);
  });
});

describe('Nesting: a device node is made, and opened, in a namespace inside', () => {
  const given = givenHost();
  const attack = everywhere(`
    mkdir -p /t; mount -t tmpfs none /t 2>/dev/null
    for place in /tmp /dev/shm /t; do
      mknod $place/zero c 1 5 2>/dev/null && head -c 1 $place/zero 2>/dev/null | grep -qa . -z && echo "$1 opened $place/zero"
      mknod $place/mem c 1 1 2>/dev/null && echo "$1 made $place/mem"
    done; rm -f /tmp/zero /tmp/mem /dev/shm/zero /dev/shm/mem`);
  const by = async (altered: Altered = {}) => {
    const spec = { name: 'nodes', image: 'sparse', nesting: true, ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, altered);
    return await sh(zone, attack);
  };

  it('none is made, even where the list of devices has them all', async () => {
    expect(await by()).to.equal('');
    expect(await by(anyDevice)).to.equal('');
  });

  it('gets through without "user" in ns.flags, and the list of devices', async () => {
    const enter = both(withoutUserNamespace, anyDevice.enter ?? ((ops) => ops));
    expect(await by({ ...anyDevice, enter })).to.match(/^zone made \S+\/mem$/m);
  });
});

describe('Nesting: processes of another zone are seen and ended from a namespace inside', () => {
  const given = givenHost();
  /** No other run's. */
  const nap = 10_000_000 + process.pid;
  const outcome = async (enter?: Alter) => {
    await using victim = await given.host.run({ image: 'sparse', net: 'none', command: ['sleep', `${nap}`] });
    const { ids } = await victim.inspect();
    const spec = { name: 'hunter', image: 'sparse', nesting: true, ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    await sh(
      zone,
      everywhere(`exec 2>/dev/null
        for proc in /proc /dev/.tszone/proc; do
          for p in $proc/[0-9]*; do grep -qa '^sleep.${nap}.' $p/cmdline && kill -9 \${p##*/}; done
        done`),
    );
    expect(ids.base).to.be.at.least(65_536);
    const hasEnded = async () => (await victim.inspect()).status === 'stopped';
    return await eventually('it has ended', hasEnded, enter === undefined ? 700 : undefined).catch(() => false);
  };

  it('they are out of sight', async () => {
    expect(await outcome()).to.equal(false);
  });

  it('gets through without "pid" and "user" in ns.flags', async () => {
    expect(await outcome(both(withoutUserNamespace, withoutPidNamespace, withoutGroup))).to.equal(true);
  });
});

describe('Nesting: limits of the zone are raised in the groups that it was given', () => {
  const given = givenHost();
  const limits = isV2
    ? 'pids.max memory.max memory.high cpu.max cpuset.cpus cgroup.max.descendants cgroup.max.depth cgroup.freeze cgroup.kill'
    : 'pids/pids.max memory/memory.limit_in_bytes cpuset/cpuset.cpus cpu/cpu.cfs_quota_us';
  const [own, join, all] = isV2 ? ['own', 'cgroup.procs', '.'] : ['pids/own', 'tasks', 'pids memory cpu cpuset'];
  const attack = `exec 2>/dev/null
    cd /sys/fs/cgroup; mkdir /c; mount -t cgroup2 none /c; for f in ${limits}; do
      ( : >>$f ) && echo "opened $f"; [ -f /c/$f ] && ( : >>/c/$f ) && echo "opened /c/$f"; done
    for d in ${all}; do echo $$ > $d/../${join}; chmod 666 $d/*; chown 0 $d/* && echo "took $d"; done
    mkdir ${own} && echo max > ${own}/pids.max && echo $$ > ${own}/${join}
    i=0; while [ $i -lt 60 ]; do sleep 2 & i=$((i+1)); done; ls -d /proc/[0-9]* | wc -l`;
  const by = async (enter?: Alter) => {
    const spec = { name: 'grows', image: 'sparse', nesting: true, pids: 30, memory: '256M', ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const said = await zone.exec(['sh', '-c', attack]);
    const { pid } = await zone.inspect();
    const max = await readFile(`${await pidsGroup(pid)}/pids.max`, 'utf8');
    return { said: said.stdout, max: max.trim() };
  };

  it('they stay, for the groups below as well', async () => {
    const { said, max } = await by();
    expect(said).to.not.match(/opened|took/);
    expect(max).to.equal('30');
    expect(Number(said.trim() || 0)).to.be.at.most(30);
  });

  it('gets through without "user" in ns.flags', async () => {
    expect((await by(withoutUserNamespace)).said).to.match(/^opened (pids\/)?pids.max$/m);
  });
});
