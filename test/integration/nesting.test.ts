/** Zones that may hold zones: what they get for that, tszone in them, and which of its tests pass there. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { statusBothWays } from '../helpers/both-ways.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience, slowdown } from '../helpers/patience.js';
import { facts, requires } from '../helpers/requires.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Where tszone is in the zones of this file. */
const nodes = dirname(process.execPath);
const mount = [
  `${project}:${project}:ro`,
  `${nodes}:/node:ro`,
  // The native entry has its path written down; what is in /usr is in a sparse zone anyway.
  ...(nodes.startsWith('/usr/') ? [] : [`${nodes}:${nodes}:ro`]),
];

/** All of each passes. Those that do not are in docs/guides/nesting.md, with what they meet. */
const passing = [
  'exec',
  'helper',
  'helper-ops',
  'logs',
  'native-entry',
  'network',
  'process-tree',
  'sessions',
  'two-roots',
  'zone-ports',
];

const inside = (host: TempHost, ...script: readonly string[]) =>
  host.cli(['exec', 'outer', '--', 'sh', '-c', `export PATH=/node:${project}/bin:$PATH; ${script.join('; ')}`]);

/** stdout of a script that has to succeed. */
async function insideOk(host: TempHost, ...script: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await inside(host, 'set -e', ...script);
  expect(status, stderr + stdout).to.equal(0);
  return stdout;
}

async function ended(zone: Zone) {
  await zone.wait({ for: 'stopped', timeoutMs: patience(20_000) });
  return (await zone.inspect()).exit ?? expect.fail('it has no end');
}

describe('a zone that may hold zones', () => {
  let zone: Zone;
  const given = givenHost({}, async (host) => {
    zone = await host.run({ name: 'nest', image: 'sparse', net: 'none', nesting: true });
  });

  it('has sixteen times the ids, its mode is shown, and every start of it is warned of', async () => {
    const { ids, mode } = await zone.inspect();
    expect(ids.count).to.equal(16 * 65_536);
    expect(mode).to.equal('nesting');
    expect(await sh(zone, 'cat /proc/self/uid_map')).to.match(/^0 +\d+ +1048576$/);
    expect(await given.host.ok(['list', '--columns', 'name,mode'])).to.match(/nest +nesting/);
    const { stdout } = await statusBothWays(given.host, 'nest');
    expect(stdout).to.match(/^mode: +nesting$/m);
    const restarted = await given.host.cli(['restart', 'nest']);
    expect(restarted.stderr).to.match(/^warning: zone "nest" may make user namespaces/m);
    const isCounted = /^warning: zone "nest" may make 1024 cgroups/m.test(restarted.stderr);
    expect(isCounted).to.equal(facts['cgroup-v1']());
    await given.host.ok(['stop', 'nest']);
    await given.host.ok(['prepare', 'nest']);
    expect((await given.host.cli(['start', 'nest'])).stderr).to.equal(restarted.stderr);
  });

  it('makes user namespaces with a /proc and a /sys of their own, which other zones may not', async () => {
    const attempt = `unshare -Urnmpf --mount-proc sh -c '
      ls -d /proc/[0-9]* | wc -l; mount -t sysfs -o ro,nosuid,nodev,noexec none /sys; ls /sys/class/net'`;
    expect(await sh(zone, attempt)).to.match(/^[2-5]\nlo$/);
    await using plain = await given.host.run({ name: 'plain', image: 'sparse', net: 'none' });
    expect((await plain.exec(['unshare', '-U', 'true'])).stderr).to.match(/not permitted/);
    expect((await plain.exec(['ls', '/dev/.tszone'])).exitCode).to.not.equal(0);
  });

  it('shows what is covered in /proc to its root alone', async () => {
    expect(await sh(zone, 'wc -c </proc/timer_list; stat -c %a /dev/.tszone')).to.equal('0\n700');
    const other = await zone.exec(['cat', '/dev/.tszone/proc/timer_list'], { user: '1000:1000' });
    expect(other.stderr).to.match(/denied/);
  });

  it('runs bubblewrap, as root and as somebody else', async function () {
    requires('bwrap').call(this);
    const argv = ['bwrap', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--unshare-all', 'sh', '-c'];
    for (const user of ['0', '1000:1000']) {
      const { stdout, stderr } = await zone.exec([...argv, 'id -u; ls -d /proc/[0-9]* | wc -l'], { user });
      expect(stdout, stderr).to.match(new RegExp(`^${user.split(':')[0]}\n[2-5]\n$`));
    }
  });

  it('has groups below its own, with limits that those of the host contain; what limits it stays closed', async function () {
    requires('cgroup-v1').call(this);
    await using limited = await given.host.run({ image: 'sparse', net: 'none', nesting: true, pids: 40 });
    const script = `cd /sys/fs/cgroup/pids; cat pids.max; echo 100 > pids.max && echo raised
      mkdir own && echo 5 > own/pids.max && cat own/pids.max
      sh -c 'echo $$ > own/tasks; for i in 1 2 3 4 5 6; do sleep 1000 & done' 2>&1 | head -1
      echo $$ > own/tasks; echo moved; echo $$ > tasks; rmdir own; mkdir ../memory/own && rmdir ../memory/own`;
    const { stdout, stderr } = await limited.exec(['sh', '-c', script]);
    expect(stdout).to.match(/^40\n5\n.*fork.*\nmoved\n$/);
    expect(stderr).to.match(/pids.max: Permission denied/);
  });

  it('hands controllers down below its own group on v2, a bounded number of groups', async function () {
    requires('cgroup-v2').call(this);
    await using limited = await given.host.run({ image: 'sparse', net: 'none', nesting: true, pids: 40 });
    const script = `cd /sys/fs/cgroup; cat pids.max cgroup.max.descendants
      mkdir rest own; for p in $(cat cgroup.procs); do echo $p > rest/cgroup.procs; done
      echo +pids > cgroup.subtree_control && echo 5 > own/pids.max && cat own/pids.max
      sh -c 'echo $$ > own/cgroup.procs; for i in 1 2 3 4 5 6; do sleep 1000 & done' 2>&1 | head -1
      for f in pids.max memory.max cgroup.max.descendants cgroup.kill; do ( : >>$f ) 2>/dev/null && echo "opened $f"; done; true`;
    expect(await sh(limited, script)).to.match(/^40\n1024\n5\n.*fork.*$/);
  });

  it('takes no more groups than the bound of v2, and no deeper ones; where all are taken, an exec says so', async function () {
    requires('cgroup-v2').call(this);
    const { host } = given;
    const dig = `$| = 1; chdir "/sys/fs/cgroup"; $deep++ while $deep < 40 && mkdir("d") && chdir("d"); print "deep: $deep, $!\n";
      chdir "/sys/fs/cgroup"; $more++ while $more < 3000 && mkdir "n$more"; print "more: $more, $!\n"; sleep 100000`;
    const command = ['perl', '-e', dig];
    await using full = await host.run({ name: 'full', image: 'sparse', net: 'none', nesting: true, command });
    const log = await eventually('they are made', async () => {
      const text = await host.ok(['logs', 'full']);
      return /^more: .*\n/m.test(text) ? text : undefined;
    });
    expect(log).to.match(/^deep: 16, Resource temporarily unavailable$/m);
    expect(log).to.match(new RegExp(`^more: ${1024 - 16}, Resource temporarily unavailable$`, 'm'));
    const { status, stdout, stderr } = await host.cli(['exec', 'full', '--', 'true']);
    expect([status, stdout]).to.deep.equal([125, '']);
    expect(stderr)
      .to.match(/^error: exec\.group .*exec-\d+/)
      .and.match(/hint: The zone has made as many cgroups/);
    await full.stop();
    expect((await full.inspect()).status).to.equal('stopped');
  });

  it('leaves no group behind, however deep it has made them', async () => {
    const before = await given.host.snapshot();
    const deep = await given.host.run({ name: 'deep', image: 'sparse', net: 'none', nesting: true });
    const dig = `for (-d "/sys/fs/cgroup/pids" ? qw(memory pids) : ".") {
      chdir "/sys/fs/cgroup/$_"; $depth = 0; mkdir($_) && chdir($_) && $depth++ for "side", ("d" x 200) x 60; print "$depth\n" }`;
    if (facts['cgroup-v1']()) {
      await deep.exec(['perl', '-e', `${dig}; sleep 100`]);
      expect((await ended(deep)).tooManyGroups).to.equal(true);
    } else expect(await sh(deep, `perl -e '${dig}'`)).to.equal('16');
    await deep.delete({ force: true });
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('is ended when it makes more groups than it may, where the kernel does not refuse them', async function () {
    requires('cgroup-v1').call(this);
    const before = await given.host.snapshot();
    const greedy = await given.host.run({ name: 'greedy', image: 'sparse', net: 'none', nesting: true });
    const make = (count: number, then: string) =>
      greedy.exec(['perl', '-e', `mkdir "/sys/fs/cgroup/pids/$_" or die $! for 1 .. ${count}; ${then}`]);
    // The monitor looks several times meanwhile.
    expect((await make(1000, 'sleep 1; rmdir "/sys/fs/cgroup/pids/$_" for 1 .. 1000')).exitCode).to.equal(0);
    expect((await greedy.status()).status).to.equal('running');
    await make(5000, 'sleep 1000');
    const { signal, tooManyGroups } = await ended(greedy);
    expect([signal, tooManyGroups]).to.deep.equal([9, true]);
    expect((await greedy.status()).note).to.match(/more cgroups than it may/);
    expect(await given.host.ok(['logs', 'greedy'])).to.match(/more cgroups than it may/);
    await greedy.delete();
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });

  it('gets and loses it by set, its files as they were', async () => {
    const { host } = given;
    await host.ok(['create', 'later', '--image', 'sparse', '--net', 'none']);
    await host.ok(['start', 'later']);
    const later = await (await host.open()).zone('later');
    await sh(later, 'touch /root/mine && chown 33:33 /root/mine');
    const set = await host.cli(['set', 'later', '--nesting', '--restart-now']);
    expect(set.status, set.stderr).to.equal(0);
    expect(await sh(later, 'stat -c %u:%g /root/mine; unshare -U true; cat /proc/self/uid_map')).to.match(
      /^33:33\n.* 1048576$/,
    );
    await host.ok(['set', 'later', '--no-nesting', '--restart-now']);
    expect(await sh(later, 'stat -c %u:%g /root/mine; unshare -U true || cat /proc/self/uid_map')).to.match(
      /^33:33\n.* 65536$/,
    );
    await host.ok(['delete', '--force', 'later']);
  });
});

describe('tszone in a zone', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ needs: ['tmpfs-idmap'] }, async (host) => {
    await host.run({ name: 'outer', image: 'sparse', nesting: true, mount });
    await insideOk(
      host,
      'mkdir /pool; mount -t tmpfs -o mode=755 tmpfs /pool; mkdir /pool/root /pool/run',
      'tszone --root /pool/root --run-root /pool/run image build sparse',
      'tszone image build sparse',
    );
  });
  const tszone = 'tszone --root /pool/root --run-root /pool/run';

  it('finds nothing there that keeps it from running', async () => {
    const text = await insideOk(given.host, `${tszone} -o json doctor`);
    const { checks } = JSON.parse(text) as { checks: { id: string; status: string; detail: string }[] };
    expect(checks.filter(({ status }) => status === 'fail')).to.deep.equal([]);
    expect(checks.find(({ id }) => id === 'storage.idmap')?.detail).to.equal('tmpfs at /pool');
  });

  it('makes zones with ids, limits and a network of their own', async () => {
    const script = 'cat /proc/self/uid_map; id -u; cat /etc/hostname; grep -c eth0 /proc/net/dev';
    const args = '--rm --name inner --memory 64M --cpus 0.5 --pids 20';
    const out = await insideOk(given.host, `${tszone} run ${args} sparse -- sh -c '${script}'`);
    expect(out).to.match(/^ +0 +65536 +65536\n0\ninner\n1\n$/);
    const both = await insideOk(
      given.host,
      `${tszone} run -q -d --rm --name first sparse -- sleep 1000`,
      `${tszone} run --rm sparse -- cat /proc/self/uid_map; ${tszone} exec first -- cat /proc/self/uid_map`,
      `${tszone} delete -q --force first`,
    );
    expect(both.trim().split(/\s+/)).to.include.members(['65536', '131072']);
  });

  it('makes zones that hold zones, as far as there are ids', async () => {
    const make = (size: string) => `${tszone} run --rm --nesting --userns ${size} sparse -- unshare -U echo made`;
    expect(await insideOk(given.host, make('auto:131072'))).to.equal('made\n');
    const many = await inside(given.host, make('auto:2000000'));
    expect(many.stderr).to.include('no free range of 2031616 user ids is left').and.include('--userns auto:SIZE');
    const told = await inside(given.host, make('1000000:65536'));
    expect(told.stderr).to.include('cannot be given').and.include('ids 0 to 1048575');
  });

  it('refuses by name what is not to be had there, and leaves nothing of it', async () => {
    const refused: readonly [args: string, message: RegExp, hint: RegExp][] = [
      ['tszone run', /overlay\) cannot be mounted with mapped owners inside a zone/, /tmpfs.*--userns host/],
      [`${tszone} run --mount ${project}:/x`, /mounted outside this zone.*EPERM/, /tmpfs/],
      [`${tszone} run --device /dev/fuse`, /device/, /host/],
      [`${tszone} run --net host`, /\/sys of the network around/, /--net host/],
    ];
    for (const [command, message, hint] of refused) {
      const { status, stderr } = await inside(given.host, `${command} --rm sparse true`);
      expect(status, command).to.equal(125);
      expect(stderr, command).to.match(message).and.match(hint);
    }
    expect(await insideOk(given.host, `tszone -q list; ${tszone} -q list`)).to.equal('');
  });

  it('does without a freezer on cgroup v1, and says so', async function () {
    requires('cgroup-v1').call(this);
    await insideOk(given.host, `${tszone} run -q -d --name idle --net none sparse`);
    const paused = await inside(given.host, `${tszone} pause idle`);
    expect(paused.stderr).to.include('pause the zone around it');
    await insideOk(given.host, `${tszone} stop idle; ${tszone} delete idle`);
  });

  it('gives a zone the ids of the zone around, with files on a directory of the host', async () => {
    const { host } = given;
    const pool = await host.file('pool');
    await host.run({ name: 'holder', image: 'sparse', nesting: true, mount: [...mount, `${pool}:/var/lib/tszone`] });
    const script = [
      'set -e; export PATH=/node:$0/bin:$PATH',
      'tszone image build sparse >/dev/null',
      'tszone create --net none --userns host --image sparse kept >/dev/null; tszone start kept >/dev/null',
      'tszone exec kept -- sh -c "echo text > /root/file; cat /proc/self/uid_map; stat -c %u /root/file"',
      'tszone run --net none --rm sparse true || true',
      'tszone delete --force kept >/dev/null',
    ];
    const { stdout, stderr, status } = await host.cli(['exec', 'holder', '--', 'sh', '-c', script.join('\n'), project]);
    expect(status, stderr).to.equal(0);
    expect(stdout).to.match(/ 1048576\n0\n$/);
    expect(stderr).to.include('ext4 at /var/lib/tszone was mounted outside').and.include('no user namespace');
    await host.ok(['delete', '--force', 'holder']);
  });

  it('is refused by a zone that may not hold zones, with the flag that it lacks', async () => {
    await using plain = await given.host.run({ name: 'plain', image: 'sparse', mount });
    const script = [
      `export PATH=/node:${project}/bin:$PATH TSZONE_ROOT=/pool/root TSZONE_RUN_ROOT=/pool/run`,
      'mkdir /pool; mount -t tmpfs tmpfs /pool; mkdir /pool/root /pool/run',
      'tszone image build sparse >/dev/null; tszone run --rm sparse true',
    ];
    const { exitCode, stderr } = await plain.exec(['sh', '-c', script.join('\n')]);
    expect(exitCode).to.equal(125);
    expect(stderr).to.include('no cgroup hierarchy').and.include('--nesting');
  });
});

describe('tests of tszone that pass in a zone', function () {
  // Each of them has a limit of its own; all of them take 90 s.
  this.timeout(patience(600_000));
  const given = givenHost({ needs: ['tmpfs-idmap', 'busybox'] }, async (host) => {
    await host.run({ name: 'outer', image: 'sparse', nesting: true, mount });
    await insideOk(host, 'mkdir /pool; mount -t tmpfs -o mode=755 tmpfs /pool; mkdir /pool/tmp /pool/cache');
  });

  it(`are all of ${passing.join(', ')}`, async () => {
    const env = Object.entries({
      TSZONE_TEST_SHARED: '1',
      TMPDIR: '/pool/tmp',
      TSZONE_TEST_DIR: '/pool/tmp',
      TSZONE_TEST_CACHE: '/pool/cache',
      TSZONE_TEST_SLOWDOWN: String(slowdown),
    });
    const files = passing.map((name) => `test/integration/${name}.test.ts`);
    const mocha = `node node_modules/mocha/bin/mocha.js --timeout ${patience(60_000)} --reporter json ${files.join(' ')}`;
    const exports = env.map(([name, value]) => `export ${name}=${value}`);
    const { stdout, stderr } = await inside(
      given.host,
      ...exports,
      `cd ${project}`,
      `${mocha} >/pool/report 2>/pool/errors`,
      'cat /pool/report; cat /pool/errors >&2',
    );
    const { stats, failures } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Report;
    expect(failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message}`).join('\n'), stderr).to.equal('');
    expect(stats.passes).to.be.at.least(100);
  });
});

interface Report {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message: string } }[];
}
