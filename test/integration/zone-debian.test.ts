/** A distribution as people use it: packages through NAT, users, mounts, services, and the same for 32 bits. */
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { aptInstall } from '../helpers/apt.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { sh } from '../helpers/temp-host.js';

describe('a debian zone', function () {
  this.timeout(patience(240_000));
  let web: Zone;
  const given = givenHost({ images: ['debian'] }, async (host) => {
    await host.ok(['create', 'web', '--image', 'debian', '--memory', '128M', '--cpus', '0.5', '--pids', '64']);
    await host.ok(['start', 'web']);
    web = await (await host.open()).zone('web');
  });

  it('says what it is', async () => {
    expect(await given.host.ok(['exec', 'web', '--', 'cat', '/etc/os-release'])).to.match(/^ID=debian$/m);
  });

  it('a program that takes 256 MB in 128 is killed; the zone lives on and says so', async () => {
    const { status } = await given.host.cli([
      'exec',
      'web',
      '--',
      'perl',
      '-e',
      '$x = "x" x 268435456; print length $x',
    ]);
    expect(status).to.equal(137);
    expect(await sh(web, 'echo alive')).to.equal('alive');
    expect((await web.status()).note).to.match(/its memory limit killed/);
  });

  it('65 processes cannot be', async () => {
    const script =
      'my $n = 0; for (1 .. 70) { my $p = fork; last unless defined $p; if (!$p) { sleep 30; exit } $n++ } print $n; kill 9, -getpgrp';
    const count = await web.exec(['setsid', '-w', 'perl', '-e', `$| = 1; ${script}`]);
    expect(Number(count.stdout)).to.be.within(50, 63);
    await eventually('they are gone', async () => (await web.ps()).length < 5);
  });

  it('users can be added, and be', async () => {
    await sh(web, 'useradd -m -s /bin/sh anna');
    expect(await sh(web, 'su - anna -c "id -un; pwd; touch ~/mine; stat -c %U ~/mine"')).to.equal(
      'anna\n/home/anna\nanna',
    );
    expect(await sh(web, 'id -un; umask', { user: 'anna' })).to.equal('anna\n0022');
    expect((await web.exec(['cat', '/etc/shadow'], { user: 'anna' })).exitCode).to.equal(1);
    await sh(web, 'userdel -r anna');
  });

  it('root can mount a tmpfs', async () => {
    expect(await sh(web, 'mount -t tmpfs none /mnt && touch /mnt/x && ls /mnt; umount /mnt')).to.equal('x');
  });

  it('set-uid programs of the zone work inside', async () => {
    const script = 'cp /usr/bin/id /usr/local/bin/suid-id; chmod 4755 /usr/local/bin/suid-id';
    await sh(web, script);
    expect(await sh(web, '/usr/local/bin/suid-id -u', { user: 'nobody' })).to.equal('0');
  });

  it('apt-get installs a package through NAT, and it runs', async () => {
    await using zone = await given.host.run({ image: 'debian' });
    await aptInstall(zone, 'hello', patience(180_000));
    expect(await sh(zone, 'hello')).to.equal('Hello, world!');
  });

  it('a server on port 80 is reached by its address and by its published port', async () => {
    const server =
      'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die $!; while (my $c = $s->accept) { while (my $l = <$c>) { last if $l =~ /^\\s*$/ } print $c "HTTP/1.0 200 OK\\r\\n\\r\\nfrom the zone\\n"; close $c }';
    const port = await takePort();
    await using zone = await given.host.run({ image: 'debian', port: [`${port}:80`], command: ['perl', '-e', server] });
    const [address] = (await zone.inspect()).addresses;
    const get = async (url: string) => {
      const answer = await fetch(url).catch(() => undefined);
      return answer?.text();
    };
    expect(await eventually('it answers', async () => get(`http://${address}/`))).to.equal('from the zone\n');
    expect(await eventually('it answers', async () => get(`http://127.0.0.1:${port}/`))).to.equal('from the zone\n');
  });

  it('reads its own limits in /sys/fs/cgroup', async () => {
    const files = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null';
    expect(await sh(web, `${files}; true`)).to.equal('134217728');
  });
});

describe('a 32-bit debian zone', function () {
  this.timeout(patience(60_000));
  const given = givenHost({ images: ['debian:i386'] });

  it('says i686 and runs 32-bit programs', async () => {
    const script = 'uname -m; dpkg --print-architecture; od -An -tx1 -j4 -N1 /bin/sh';
    const options = ['--rm', '--net', 'none', '--personality', 'linux32'];
    const output = await given.host.ok(['run', ...options, 'debian:i386', '--', 'sh', '-c', script]);
    expect(output).to.equal('i686\ni386\n 01\n');
  });

  it('exec has the same personality', async () => {
    await using zone = await given.host.run({ image: 'debian:i386', net: 'none', personality: 'linux32' });
    expect(await sh(zone, 'uname -m; getconf LONG_BIT')).to.equal('i686\n32');
  });
});
