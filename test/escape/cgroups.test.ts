/** Groups: a release agent of the host's (CVE-2022-0492), processes that leave theirs, and limits that are raised. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type Alter,
  both,
  hostsCapabilities,
  startAltered,
  without,
  withoutGroup,
  withoutProfile,
  withoutUserNamespace,
  withoutWord,
} from '../helpers/altered-zone.js';
import { runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { isV2, pidsGroup } from '../helpers/pids-group.js';
import { requires } from '../helpers/requires.js';
import { sh } from '../helpers/temp-host.js';

const writable = withoutWord('mnt.fs', 'attributes', 'ro');
const hostsView = withoutWord('ns.unshare', 'flags', 'cgroup');
const weak = both(withoutUserNamespace, hostsView, writable);

const tries = `
  mkdir -p /tmp/c
  unshare -C true 2>/dev/null && UNSHARE="unshare -C"
  for type in pids memory freezer devices rdma; do
    mount -t cgroup -o $type none /tmp/c 2>/dev/null || $UNSHARE mount -t cgroup -o $type none /tmp/c 2>/dev/null
  done
  mount -t cgroup2 none /tmp/c 2>/dev/null
  unshare -Ur true 2>/dev/null && unshare -UrCm sh -c 'mount -t cgroup -o pids none /tmp/c; for f in /tmp/c/release_agent; do cat $f > $f && echo wrote $f; done' 2>/dev/null`;

describe('CVE-2022-0492: a release agent, run by the kernel as the host’s root', () => {
  const given = givenHost({ images: ['busybox'], needs: ['cgroup-v1'] });
  /** Writes what is there already: no harm is done where it works. */
  const attack = `${tries}
    for f in $(find /sys/fs/cgroup /tmp/c -maxdepth 2 -name release_agent -o -maxdepth 2 -name notify_on_release); do
      value=$(cat $f) && { echo "$value" > $f; } 2>/dev/null && echo "wrote $f"
    done; true`;
  const by = async (enter?: Alter) => {
    const spec = { name: 'agent', image: 'busybox', ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    return await sh(zone, attack);
  };

  it('cannot be written, nor can a group be told to run it', async () => {
    expect(await by()).to.equal('');
  });

  it('gets through without "user" in ns.flags, "cgroup" in ns.unshare and "ro" in mnt.fs', async () => {
    expect(await by(weak)).to.match(/^wrote \/sys\/fs\/cgroup\/\S*\/?release_agent$/m);
  });
});

/** As the machine has its cgroup2 mount: `rw,nsdelegate,…`; `undefined` where that is elsewhere. */
async function machinesOptions(): Promise<string | undefined> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return /^\S+ \S+ \S+ \/ \/sys\/fs\/cgroup .* - cgroup2 \S+ (\S+)$/m.exec(mounts)?.[1];
}

describe('A process leaves its groups, and with them its limits', () => {
  const given = givenHost({ images: ['busybox'] });
  let options: string | undefined;
  before('how the machine has its groups', async () => {
    options = await machinesOptions();
  });
  after('as it had them: a zone without a view of its own that mounts them changes that', async () => {
    if (options === (await machinesOptions())) return;
    const { status } = await runProgram('/bin/mount', ['-o', `remount,${options}`, '/sys/fs/cgroup']);
    expect([status, await machinesOptions()]).to.deep.equal([0, options]);
  });
  const view = isV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';
  const attack = `${tries}
    for f in $(find ${view} /tmp/c -maxdepth 2 -name tasks -o -maxdepth 2 -name cgroup.procs); do
      sh -c "echo \\$\\$ > $f && echo moved && sleep 0.2" 2>/dev/null
    done
    for d in ${view} /tmp/c; do mkdir $d/own 2>/dev/null && echo made && rmdir $d/own; done; true`;
  const by = async (enter?: Alter) => {
    const spec = { name: 'leaves', image: 'busybox', pids: 50, ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const { pid } = await zone.inspect();
    return { said: await sh(zone, attack), own: await pidsGroup(pid) };
  };

  it('it cannot move, nor make a group of its own', async () => {
    const { said, own } = await by();
    expect(said).to.equal('');
    expect(own).to.match(/leaves/);
  });

  it('gets through without "user" in ns.flags, "cgroup" in ns.unshare and "ro" in mnt.fs', async () => {
    expect((await by(weak)).said).to.match(/^moved$/m);
  });

  it('is in no group at all without cgroup.join, or cgroup.into on v2', async () => {
    const { own } = await by(withoutGroup);
    expect(own).not.to.match(/leaves/);
  });
});

describe('Ids of the host: limits are raised by the root of a user namespace that is made inside', () => {
  const given = givenHost();
  const type = isV2 ? 'cgroup2' : 'cgroup -o pids';
  const attack = `unshare -UrCm sh -c 'mount -t ${type} none /mnt && echo max > /mnt/pids.max && echo raised' 2>&1`;
  const by = async (seccomp: string, enter?: Alter) => {
    const spec = { name: 'raises', image: 'sparse', userns: 'host', pids: 50, seccomp };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const { stdout } = await zone.exec(['sh', '-c', attack]);
    const { pid } = await zone.inspect();
    return { said: stdout, limit: (await readFile(`${await pidsGroup(pid)}/pids.max`, 'utf8')).trim() };
  };

  it('none can be made, whatever its seccomp profile says', async () => {
    const directory = await given.host.file('profiles');
    const profile = join(directory, 'all.json');
    await writeFile(profile, '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [] }');
    for (const seccomp of ['default', 'unconfined', profile]) {
      const { said, limit } = await by(seccomp);
      expect(said, seccomp).to.match(/not permitted/);
      expect(limit, seccomp).to.equal('50');
    }
  });

  it('gets through without seccomp.load', async function () {
    // On v2 such a namespace begins at the group of the exec, below the one with the limits.
    requires('cgroup-v1').call(this);
    const { said, limit } = await by('unconfined', both(without('seccomp.load'), withoutProfile));
    expect(said).to.equal('raised\n');
    expect(limit).to.equal('max');
  });
});
