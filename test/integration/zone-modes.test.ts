/** What of the host's kernel a zone's root can set, in each mode; and the modes themselves. */
import { execFileSync } from 'node:child_process';
import { lstat, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import type { RunInput } from '../../src/operations/run-input.js';
import { capabilityMask, hostIdCapabilities, privilegedCapabilities } from '../../src/spec/index.js';
import { bothWays } from '../helpers/both-ways.js';
import { givenHost } from '../helpers/given.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

/** Nothing is ever changed: a file that can be written is opened for it, and closed. */
const probe = `
exec 2>/dev/null
open() { for f in "$@"; do [ -f "$f" ] && ( : >>"$f" ) && echo "$f"; done; }
all() {
  open /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug /proc/sys/vm/drop_caches \
    /proc/sys/fs/binfmt_misc/register /proc/sysrq-trigger /sys/kernel/uevent_helper /proc/dynamic_debug/control
  find /sys -type f -writable
  find /sys/fs/cgroup /cg -name release_agent -writable
}
all
for path in /proc/sys /proc/sysrq-trigger /sys /sys/fs/cgroup /sys/fs/cgroup/memory; do
  mount -o remount,rw $path; mount -o remount,bind,rw $path; umount $path
done
mkdir /cg; mount -t cgroup -o memory none /cg || mount -t cgroup2 none /cg
mkdir /new; mount -t proc none /new && open /new/sys/kernel/core_pattern /new/sysrq-trigger
mount -t sysfs none /new && find /new -type f -path '*kernel*' -writable
all
true`;

/** What a process of the host's root could change for all: entries of /proc that are no process's. */
const changeable = `
for f in $(find /proc -mindepth 1 -maxdepth 1 ! -type l ! -name '[0-9]*') /dev/null /dev/zero /dev/tty /proc/sys/kernel/core_pattern; do
  chmod --reference=$f $f 2>/dev/null && echo $f
done
true`;

/** Of the zone's own network, and of the groups of a zone that may hold zones: none that limits. */
const ownLink = /\/devices\/virtual\/net\//;
const ownGroup = /^\/sys\/fs\/cgroup\/([a-z,]+\/tasks|([a-z,]+\/)?cgroup\.(procs|threads|subtree_control))$/;
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

describe('the kernel of the host', () => {
  const given = givenHost();
  const zoneOf = (spec: Omit<RunInput, 'image'>) => given.host.run({ image: 'sparse', net: 'none', ...spec });
  const modes: Readonly<Record<string, Omit<RunInput, 'image'>>> = {
    'by default': {},
    // Not those of a run beside this one.
    'with ids of its own': { userns: `${1_000_000_000 + (process.pid % 10_000) * 65_536}:65536` },
    'with every capability': { capAdd: ['ALL'] },
    'that may hold zones': { nesting: true, capAdd: ['ALL'] },
    'with a root that cannot be written': { readOnly: true },
    'with the network of the host': { net: 'host' },
    'without a user namespace': { userns: 'host' },
    'without a user namespace, with the network of the host': { userns: 'host', net: 'host' },
  };

  for (const [name, spec] of Object.entries(modes)) {
    it(`cannot be set by the root of a zone ${name}`, async () => {
      await using zone = await zoneOf(spec);
      const found = lines(await sh(zone, probe)).filter((path) => spec.nesting !== true || !ownGroup.test(path));
      expect(found.filter((path) => spec.net === 'host' || !ownLink.test(path))).to.deep.equal([]);
      expect(lines(await sh(zone, changeable))).to.deep.equal([]);
    });
  }

  it('can be set by that of a privileged zone: so these attempts are real ones', async () => {
    await using zone = await zoneOf({ privileged: true });
    const found = lines(await sh(zone, probe));
    expect(found).to.include('/proc/sys/kernel/core_pattern');
    expect(found.filter((path) => path.startsWith('/sys/kernel/'))).to.not.have.length(0);
    expect(lines(await sh(zone, changeable)))
      .to.include('/proc/meminfo')
      .and.include('/proc/irq');
  });
});

describe('a zone without a user namespace', () => {
  let zone: Zone;
  const given = givenHost({}, async (host) => {
    zone = await host.run({ name: 'hosts', image: 'sparse', userns: 'host', net: 'none' });
  });

  it('has the ids of the host, few capabilities, and the same in every way in', async () => {
    const facts = 'id -u; cat /proc/self/uid_map; grep -E "Cap(Eff|Bnd)" /proc/self/status';
    const { stdout } = await bothWays(given.host, ['exec', 'hosts', '--', 'sh', '-c', facts]);
    expect(stdout).to.match(/^0\n +0 +0 4294967295\n/);
    const masks = [...stdout.matchAll(/Cap\w+:\s+([0-9a-f]+)/g)].map(([, hex]) => BigInt(`0x${hex}`));
    expect(masks).to.deep.equal([capabilityMask(hostIdCapabilities), capabilityMask(hostIdCapabilities)]);
    expect(masks.every((mask) => (mask & capabilityMask(privilegedCapabilities)) === 0n)).to.equal(true);
    expect(await sh(zone, 'grep -h Cap /proc/1/status | sort -u | grep -c 00000000a00425fb')).to.equal('3');
    const shell = await given.host.cli(['shell', '-T', 'hosts', '--', '-c', 'grep CapEff /proc/self/status']);
    expect(shell.stdout).to.include('00000000a00425fb');
  });

  it('takes copies in and out, while it runs and when it is stopped', async () => {
    const source = await given.host.file('in', 'text\n');
    for (const state of ['running', 'stopped']) {
      await given.host.ok(['cp', source, 'hosts:/root/copied']);
      await given.host.ok(['cp', 'hosts:/root/copied', `${source}-${state}`]);
      expect(await readFile(`${source}-${state}`, 'utf8')).to.equal('text\n');
      await given.host.ok(['stop', 'hosts']);
    }
    const upper = join(given.host.root, 'zones/hosts/rootfs/upper');
    expect((await stat(join(upper, 'root/copied'))).uid).to.equal(0);
    await given.host.ok(['start', 'hosts']);
  });

  it('can neither make device nodes nor open those in its files', async () => {
    await given.host.ok(['stop', 'hosts']);
    const upper = join(given.host.root, 'zones/hosts/rootfs/upper');
    execFileSync('mknod', ['-m', '666', join(upper, 'zero'), 'c', '1', '5']);
    await given.host.ok(['start', 'hosts']);
    for (const place of ['/', '/dev', '/dev/shm', '/tmp'])
      expect((await zone.exec(['mknod', `${place}/new`, 'c', '1', '5'])).stderr, place).to.match(/not permitted/);
    expect((await zone.exec(['head', '-c', '1', '/zero'])).stderr).to.match(/denied/);
    await given.host.ok(['set', 'hosts', '--privileged', '--restart-now']);
    expect((await zone.exec(['head', '-c', '1', '/zero'])).exitCode, 'nodev was what held it').to.equal(0);
    await given.host.ok(['set', 'hosts', '--no-privileged', '--restart-now']);
  });

  it('keeps its own directory over the /usr/local of the host, which stays as it was', async () => {
    await sh(zone, 'echo own > /usr/local/own && ! touch /usr/own');
    expect(await lstat('/usr/local/own').catch(() => undefined)).to.equal(undefined);
  });

  it('shares no mount with the host', async () => {
    expect(await sh(zone, 'grep -c "shared:" /proc/self/mountinfo || true')).to.equal('0');
  });

  it('has its files with an id range again, owners as they were', async () => {
    await sh(zone, 'touch /root/mine && chown 33:33 /root/mine');
    await given.host.ok(['set', 'hosts', '--userns', 'auto', '--restart-now']);
    expect(await sh(zone, 'stat -c %u:%g /root/mine; head -c 22 /proc/self/uid_map')).to.match(/^33:33\n +0 +[1-9]/);
    await given.host.ok(['set', 'hosts', '--userns', 'host', '--restart-now']);
  });

  it('is warned of, and shown by list', async () => {
    const made = await given.host.cli(['create', 'loud', '--image', 'sparse', '--privileged', '--net', 'none']);
    expect(made.stderr).to.match(/^warning: zone "loud" is privileged/m);
    const started = await given.host.cli(['start', 'loud']);
    expect(started.stderr).to.match(/^warning: zone "loud" is privileged/m);
    expect(await given.host.ok(['list', '--columns', 'name,mode'])).to.match(/hosts +host-ids\nloud +privileged/);
    await given.host.ok(['delete', '--force', 'loud']);
  });
});

describe('a privileged zone', () => {
  const given = givenHost();

  it('has every capability and device of the host, and nothing is masked', async () => {
    await using zone = await given.host.run({ image: 'sparse', privileged: true, net: 'none' });
    const [, own = ''] = /CapBnd:\s+([0-9a-f]+)/.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
    expect(await sh(zone, 'grep CapEff /proc/self/status')).to.include(own);
    // Loop devices are whoever's needs one, and come and go.
    const find = "find /dev -type b ! -name 'loop*' | head -1";
    const device = execFileSync('sh', ['-c', find], { encoding: 'utf8' }).trim();
    if (device !== '') expect(await sh(zone, `: <${device} && echo opened`)).to.equal('opened');
    expect(await sh(zone, 'head -c 1 /proc/interrupts | wc -c; mount -t tmpfs none /mnt && echo mounted')).to.equal(
      '1\nmounted',
    );
  });
});

describe("a zone's own kernel parameters", () => {
  const given = givenHost();
  const wanted: Readonly<Record<string, string>> = {
    'net.ipv4.conf.eth0.rp_filter': '2',
    'net.core.somaxconn': '777',
    'kernel.shmmax': '65536',
    'kernel.msgmax': '4096',
    'fs.mqueue.msg_max': '5',
    'kernel.shm_rmid_forced': '1',
  };
  const pathOf = (key: string) => `/proc/sys/${key.replaceAll('.', '/')}`;
  const flagsOf = (keys: readonly string[]) => keys.flatMap((key) => ['--sysctl', `${key}=${wanted[key]}`]);
  /** What the root of a zone owns: older kernels keep most from a root that is not theirs. Those of 6.18 keep none. */
  async function ownedIn(userns: string): Promise<readonly string[]> {
    const keys = Object.keys(wanted);
    const script = keys.map((key) => `stat -c %u ${pathOf(key)} 2>/dev/null || echo none`).join('; ');
    const words = ['run', '--rm', '--userns', userns, 'sparse', '--', 'sh', '-c', script];
    const owners = lines(await given.host.ok(words));
    const { major, minor } = (await given.host.open()).context.facts.kernel;
    const owned = keys.filter((_, index) => owners[index] === '0');
    expect(owned).to.include('net.ipv4.conf.eth0.rp_filter');
    if (userns === 'host' || major * 100 + minor >= 618) expect(owned).to.deep.equal(keys);
    return owned;
  }
  const readHost = () =>
    Promise.all(
      Object.keys(wanted)
        .filter((key) => !key.includes('eth0'))
        .map((key) => readFile(pathOf(key), 'utf8')),
    );

  for (const mode of ['auto', 'host']) {
    it(`are set before its first program, and those of the host stay: ${mode}`, async () => {
      const before = await readHost();
      const owned = await ownedIn(mode);
      const words = ['run', '--rm', '--userns', mode, ...flagsOf(owned), 'sparse', '--', 'cat', ...owned.map(pathOf)];
      expect(lines(await given.host.ok(words))).to.deep.equal(owned.map((key) => wanted[key]));
      for (const key of Object.keys(wanted).filter((one) => !owned.includes(one))) {
        const refused = await given.host.cli(['run', '--rm', '--userns', mode, ...flagsOf([key]), 'sparse', 'true']);
        expect(refused.stderr, key).to.match(/^error: sysctl\.write .*\nhint: This kernel /);
      }
      expect(await readHost()).to.deep.equal(before);
    });

    it(`change while it runs; one that is unset waits for a restart: ${mode}`, async () => {
      const { host } = given;
      const owned = (await ownedIn(mode)).filter((key) => !key.startsWith('fs.'));
      const own = await host.run({ name: `live-${mode}`, image: 'sparse', userns: mode });
      const read = async () => lines(await sh(own, `cat ${owned.map(pathOf).join(' ')}`));
      const [fresh, before] = [await read(), await readHost()];
      const set = (...args: readonly string[]) => host.cli(['set', own.name, ...args, ...flagsOf(owned)]);
      for (const key of owned) expect((await set('--dry-run')).stdout).to.include(`sysctl.write ${key} ${wanted[key]}`);
      expect(await set()).to.include({ status: 0, stderr: '' });
      expect(await read()).to.deep.equal(owned.map((key) => wanted[key]));
      expect(await readHost()).to.deep.equal(before);
      const refused = await host.cli(['set', own.name, '--live', '--sysctl', 'net.core.none=1']);
      expect(refused.stderr).to.match(/sysctl cannot change while/);
      const unset = await host.cli(['unset', own.name, 'sysctl']);
      expect(unset.stderr + unset.stdout).to.include(`tszone restart ${own.name}`);
      expect(await read()).to.deep.equal(owned.map((key) => wanted[key]));
      await host.ok(['restart', own.name]);
      expect(await read()).to.deep.equal(fresh);
      await own.delete({ force: true });
    });
  }

  it('of several that are set at once, all hold or none: what was set before the one that is refused is taken back', async () => {
    const { host } = given;
    const own = await host.run({
      name: 'both',
      image: 'sparse',
      net: 'none',
      pids: 50,
      sysctl: { 'kernel.msgmax': '5000' },
    });
    const keys = 'net/ipv4/ip_default_ttl kernel/msgmax net/ipv4/ip_local_port_range kernel/sem';
    const read = () => sh(own, `cd /proc/sys; cat ${keys}`);
    const before = await read();
    const good = [
      'net.ipv4.ip_default_ttl=70',
      'kernel.msgmax=6000',
      'net.ipv4.ip_local_port_range=2000 3000',
      'kernel.sem=1 2 3 4',
    ];
    const set = (...sysctls: readonly string[]) =>
      host.cli(['-o', 'json', 'set', own.name, '--pids', '40', ...sysctls.flatMap((text) => ['--sysctl', text])]);
    for (const [bad, errnoName] of [
      ['kernel.msgmnb=abc', 'EINVAL'],
      ['net.core.nonsense=1', 'ENOENT'],
    ]) {
      const { stderr } = await set(...good, bad ?? '');
      const { error } = JSON.parse(stderr) as { error: { code: string; context: object } };
      expect(error.context).to.include({ errnoName, path: bad?.split('=')[0] });
      expect(await read()).to.equal(before);
      const spec = (await own.inspect()).spec;
      expect(spec.sysctl).to.deep.equal({ 'kernel.msgmax': '5000' });
      expect((await own.status()).usage?.pidsLimit, 'nor is a limit').to.equal(50);
    }
    expect((await set(...good)).status).to.equal(0);
    expect(await read()).to.equal('70\n6000\n2000\t3000\n1\t2\t3\t4');
    await own.delete({ force: true });
  });

  it('that the kernel does not have or take are named with its errno, and nothing is left', async () => {
    const before = await given.host.snapshot();
    for (const [given_, errnoName] of [
      ['net.ipv4.nonsense=1', 'ENOENT'],
      ['kernel.msgmax=abc', 'EINVAL'],
    ] as const) {
      const { stdout, stderr } = await given.host.cli([
        '-o',
        'json',
        'run',
        '--rm',
        '--sysctl',
        given_,
        'sparse',
        'true',
      ]);
      const { error } = JSON.parse(stdout || stderr) as { error: { code: string; context: object } };
      expect(error.code).to.equal('KERNEL_STEP_FAILED');
      expect(error.context).to.include({ step: 'sysctl.write', errnoName, path: given_.split('=')[0] });
    }
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });
});
