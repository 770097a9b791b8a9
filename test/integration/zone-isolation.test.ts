/** Two zones know nothing of one another, and no root of a zone gets past its walls. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { layerDirectory } from '../../src/storage/index.js';
import { runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { sh } from '../helpers/temp-host.js';

describe('two zones', () => {
  const zones: Zone[] = [];
  const bases: number[] = [];
  const pids: number[] = [];
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    for (const name of ['one', 'two']) {
      const zone = await host.run({ name, image: 'sparse', net: 'none', command: ['sleep', '1000'] });
      const { ids, pid = 0 } = await zone.inspect();
      zones.push(zone);
      bases.push(ids.base);
      pids.push(pid);
    }
  });
  const [one, two] = [() => zones[0] as Zone, () => zones[1] as Zone];

  it('do not see the processes of one another', async () => {
    const marker = 'sleep 12345';
    const abort = new AbortController();
    const running = one().exec(['sh', '-c', `exec ${marker}`], { signal: abort.signal });
    running.then(
      () => {},
      () => {},
    );
    const list = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    await eventually('one sees its own', async () => (await sh(one(), list)).includes(marker));
    expect(await sh(two(), list)).not.to.include(marker);
    abort.abort();
  });

  it('do not see the files of one another', async () => {
    await sh(one(), 'echo private > /root/private; echo private > /tmp/private; echo private > /dev/shm/private');
    expect(await sh(two(), 'ls /root/private /tmp/private /dev/shm/private 2>/dev/null | wc -l')).to.equal('0');
  });

  it('do not see the sockets of one another, abstract ones neither', async () => {
    const server =
      'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Local => "\\0tszone-isolation", Listen => 1) or die; print "up\\n"; $| = 1; sleep 100';
    const abort = new AbortController();
    const running = one().exec(['perl', '-e', server], { signal: abort.signal });
    running.then(
      () => {},
      () => {},
    );
    await eventually('one sees its own', async () =>
      (await sh(one(), 'cat /proc/net/unix')).includes('@tszone-isolation'),
    );
    expect(await sh(two(), 'cat /proc/net/unix')).not.to.include('@tszone-isolation');
    expect(await readFile('/proc/net/unix', 'utf8')).not.to.include('@tszone-isolation');
    const client = 'use IO::Socket::UNIX; exit(IO::Socket::UNIX->new(Peer => "\\0tszone-isolation") ? 0 : 3)';
    expect((await two().exec(['perl', '-e', client])).exitCode).to.equal(3);
    expect((await one().exec(['perl', '-e', client])).exitCode).to.equal(0);
    abort.abort();
  });

  it('do not see the shared memory of one another', async () => {
    await sh(one(), "perl -e 'defined(shmget(4711, 4096, 0600 | 01000)) or die'");
    const find = "perl -e 'exit(defined(shmget(4711, 4096, 0600)) ? 0 : 3)'";
    expect((await one().exec(['sh', '-c', find])).exitCode).to.equal(0);
    expect((await two().exec(['sh', '-c', find])).exitCode).to.equal(3);
  });

  it('have host names of their own, which root inside can change', async () => {
    await sh(one(), 'hostname changed');
    expect([await sh(one(), 'hostname'), await sh(two(), 'hostname')]).to.deep.equal(['changed', 'two']);
    expect(await readFile('/proc/sys/kernel/hostname', 'utf8')).not.to.equal('changed\n');
  });

  it('have ranges of user ids that do not overlap', () => {
    const [first = 0, second = 0] = bases;
    expect(Math.abs(first - second)).to.be.at.least(65_536);
    expect(Math.min(first, second)).to.be.at.least(0x1000_0000);
  });

  it("a process with one zone's ids cannot signal, trace, read or write the other", async () => {
    const as = (argv: readonly string[]) =>
      runProgram('setpriv', [`--reuid=${bases[0]}`, `--regid=${bases[0]}`, '--clear-groups', ...argv]);
    const own = await as(['kill', '-0', String(pids[0])]);
    expect(own.status, 'its own can be signalled').to.equal(0);
    const attempts: readonly (readonly string[])[] = [
      ['kill', '-0', String(pids[1])],
      ['cat', `/proc/${pids[1]}/environ`],
      ['cat', `/proc/${pids[1]}/mem`],
      ['ls', `/proc/${pids[1]}/root/`],
      ['ls', `/proc/${pids[1]}/fd`],
      ['nsenter', '-t', String(pids[1]), '-U', 'true'],
      ['ls', join(given.host.root, 'zones')],
      ['ls', given.host.runRoot],
    ];
    for (const argv of attempts) expect((await as(argv)).status, argv.join(' ')).not.to.equal(0);
  });

  it('strace cannot attach across zones', async function () {
    requires('strace').call(this);
    const ids = [`--reuid=${bases[0]}`, `--regid=${bases[0]}`, '--clear-groups'];
    const { status, stderr } = await runProgram('setpriv', [...ids, 'strace', '-p', String(pids[1])]);
    expect(status).not.to.equal(0);
    expect(stderr).to.match(/not permitted/);
  });

  it('a zone cannot write to the cgroups that hold it', async () => {
    const script =
      'for f in $(find /sys/fs/cgroup -name "*limit_in_bytes" -o -name "*.max" -o -name cgroup.procs); do echo 1 > $f && echo "wrote $f"; done 2>/dev/null; true';
    expect(await sh(one(), script)).to.equal('');
  });

  it("a zone cannot reach its monitor's files or the helper", async () => {
    expect(await sh(one(), `ls ${given.host.runRoot} 2>&1 || true`)).to.match(/No such file/);
    expect(await sh(one(), 'ls -l /proc/1/exe; (echo x > /proc/1/exe) 2>&1 || true')).to.match(
      /Read-only|Text file busy|denied|not permitted/,
    );
    expect(await sh(one(), 'ls -l /proc/1/fd')).not.to.include(given.host.directory);
  });
});

/** Everything that root of a zone can try against a mount, each by several ways. */
const attack = (path: string, probe: string) => `
exec 2>/dev/null
mount -o remount,rw ${path}
mount -o remount,bind,rw ${path}
mount -o remount,rw,bind,suid,dev ${path}
mount --make-private ${path}
mkdir -p /tmp/again && mount --bind ${path} /tmp/again && mount -o remount,bind,rw /tmp/again && echo evil > /tmp/again/${probe}
mount --rbind ${path} /tmp/again && mount -o remount,bind,rw /tmp/again && echo evil > /tmp/again/${probe}
unshare -m sh -c 'mount -o remount,bind,rw ${path}; umount ${path}; echo evil > ${path}/${probe}'
unshare -Urm sh -c 'mount -o remount,bind,rw ${path}; umount -l ${path}; echo evil > ${path}/${probe}'
echo evil > ${path}/${probe}
echo evil >> ${path}
rm -rf ${path}/${probe}
chmod 777 ${path} ${path}/${probe}
umount ${path}
umount -l ${path}
echo evil > ${path}/${probe}
true`;

async function fingerprint(directory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(directory)).toSorted()) {
    hash.update(name).update(await readFile(join(directory, name)));
  }
  const { stdout } = await promisify(execFile)('stat', ['-c', '%a %u %g %Y', directory]);
  return hash.update(stdout).digest('hex');
}

describe('root of a zone tries', () => {
  const given = givenHost({ images: ['busybox'] });

  it('a mount that may be written, with success: so these attempts are real ones', async () => {
    const source = await given.host.file('open');
    await writeFile(join(source, 'file'), 'changes\n');
    const before = await fingerprint(source);
    await using zone = await given.host.run({ image: 'busybox', net: 'none', mount: [`${source}:/fixed`] });
    await sh(zone, attack('/fixed', 'file'));
    expect(await fingerprint(source)).not.to.equal(before);
  });

  it('a read-only mount: seen from the host nothing has changed', async () => {
    const source = await given.host.file('fixed');
    await writeFile(join(source, 'file'), 'stays\n');
    const before = await fingerprint(source);
    await using zone = await given.host.run({ image: 'busybox', net: 'none', mount: [`${source}:/fixed:ro`] });
    await sh(zone, attack('/fixed', 'file'));
    await sh(zone, attack('/fixed', 'new'));
    expect(await fingerprint(source)).to.equal(before);
  });

  it('the same with every capability', async () => {
    const source = await given.host.file('fixed-all');
    await writeFile(join(source, 'file'), 'stays\n');
    const before = await fingerprint(source);
    await using zone = await given.host.run({
      image: 'busybox',
      net: 'none',
      capAdd: ['ALL'],
      mount: [`${source}:/fixed:ro`],
    });
    await sh(zone, attack('/fixed', 'file'));
    expect(await fingerprint(source)).to.equal(before);
  });

  it('a read-only file', async () => {
    const source = await given.host.file('fixed.txt', 'stays\n');
    await using zone = await given.host.run({ image: 'busybox', net: 'none', mount: [`${source}:/fixed.txt:ro`] });
    await sh(zone, attack('/fixed.txt', ''));
    expect(await readFile(source, 'utf8')).to.equal('stays\n');
  });

  it("the host's /usr in a sparse zone, and a file in it that is closed to others", async () => {
    const secret = `/usr/lib/tszone-test-${process.pid}`;
    await writeFile(secret, 'secret of the host\n', { mode: 0o600 });
    try {
      await using zone = await given.host.run({ image: 'sparse', net: 'none' });
      const name = secret.slice('/usr/lib/'.length);
      await sh(zone, attack('/usr', `lib/${name}`));
      await using again = await given.host.run({ image: 'sparse', net: 'none' });
      const read = await sh(
        again,
        `cat ${secret} 2>&1; mkdir /tmp/b; mount --bind /usr /tmp/b; cat /tmp/b/lib/${name} 2>&1; unshare -Ur cat ${secret} 2>&1; true`,
      );
      expect(read).not.to.include('secret of the host');
      expect(await readFile(secret, 'utf8')).to.equal('secret of the host\n');
      const left = await readdir('/usr');
      expect(left).not.to.include('evil');
    } finally {
      await rm(secret, { force: true });
    }
  });

  it('--read-only: the layers of the image stay as they are, and so does its own', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none', readOnly: true, tmpfs: ['/tmp'] });
    const { imageDetails } = await zone.inspect();
    const { context } = await given.host.open();
    const layer = join(layerDirectory(context.roots, imageDetails.layers[0] ?? ''), 'etc');
    const before = await fingerprintOfEtc(layer);
    await sh(zone, attack('/', 'etc/passwd'));
    await sh(
      zone,
      'mkdir /tmp/o; for o in rw bind,rw; do mount -o remount,$o /; done; echo evil >> /etc/passwd; rm /etc/group; true',
    ).catch(() => {});
    expect((await zone.exec(['sh', '-c', 'echo x > /etc/evil'])).exitCode).not.to.equal(0);
    expect(await fingerprintOfEtc(layer)).to.equal(before);
    const upper = await readdir(join(given.host.root, 'zones', zone.name, 'rootfs/upper'));
    expect(upper).to.deep.equal([]);
  });

  it('each masked and read-only path of /proc and /sys: the kernel itself refuses', async () => {
    const before = await readFile('/proc/sys/kernel/panic', 'utf8');
    await using zone = await given.host.run({ image: 'busybox', net: 'none', capAdd: ['ALL'] });
    for (const path of [
      '/proc/sys',
      '/proc/sysrq-trigger',
      '/proc/irq',
      '/proc/bus',
      '/proc/fs',
      '/proc/kcore',
      '/proc/keys',
      '/proc/timer_list',
      '/sys',
      '/sys/firmware',
      '/sys/fs/cgroup',
    ]) {
      await sh(zone, attack(path, 'kernel/panic'));
    }
    const script = `
      exec 2>/dev/null
      mkdir -p /tmp/p /tmp/s
      mount -t proc proc /tmp/p && { echo 7 > /tmp/p/sys/kernel/panic; head -c 64 /tmp/p/kcore | wc -c; echo b > /tmp/p/no-such; }
      mount -t sysfs sysfs /tmp/s && echo 1 > /tmp/s/kernel/mm/ksm/run
      echo 7 > /proc/sys/kernel/panic
      echo evil > /proc/sys/kernel/core_pattern
      echo evil > /sys/kernel/uevent_helper
      head -c 64 /proc/kcore | wc -c
      true`;
    const output = await sh(zone, script);
    expect(output.split('\n').every((line) => line === '0' || line === '')).to.equal(true, output);
    expect(await readFile('/proc/sys/kernel/panic', 'utf8')).to.equal(before);
    expect(await readFile('/proc/sys/kernel/core_pattern', 'utf8')).not.to.include('evil');
  });

  it('modules, clocks, raw disks, the host name of the host, reboot: all refused', async () => {
    const hostname = await readFile('/proc/sys/kernel/hostname', 'utf8');
    await using zone = await given.host.run({ image: 'sparse', net: 'none', capAdd: ['ALL'] });
    for (const script of [
      'date -s 2001-01-01',
      "perl -e 'exit(syscall(175, 0, 0, 0) == 0 ? 0 : 1)'",
      'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk',
      'swapon /etc/hosts',
      'mount -t ext4 /dev/vda /mnt',
      'dmesg --clear',
      'chroot /proc/1/root/../../.. cat /proc/sys/kernel/random/boot_id && false',
    ]) {
      expect((await zone.exec(['sh', '-c', script])).exitCode, script).not.to.equal(0);
    }
    expect(await readFile('/proc/sys/kernel/hostname', 'utf8')).to.equal(hostname);
  });

  it('to open a file of the host through a descriptor that was left open: there is none', async () => {
    await using zone = await given.host.run({ image: 'sparse', net: 'none', command: ['sleep', '1000'] });
    const targets = await sh(zone, 'for d in /proc/[0-9]*/fd; do ls -l $d; done | sed -n "s/.* -> //p" | sort -u');
    for (const target of targets
      .split('\n')
      .filter((line) => !/^(pipe|socket|anon_inode|\/dev\/null|\/proc\/|\/dev\/)/.test(line))) {
      expect(target).to.match(/^\/(proc|dev|usr)\b|^$/);
    }
  });
});

async function fingerprintOfEtc(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  const hash = createHash('sha256');
  for (const entry of entries.filter((one) => one.isFile()))
    hash.update(entry.name).update(await readFile(join(directory, entry.name)));
  return hash.digest('hex');
}
