/** What runs in a zone, who it is there, and how it ends. */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { readRunning } from '../../src/state/index.js';
import { isAlive } from '../helpers/alive.js';
import { givenHost } from '../helpers/given.js';
import { statusField, underUnshare, visiblePids } from '../helpers/observe.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('tszone run', () => {
  const given = givenHost({ images: ['busybox'] });

  it('runs a command as root of a machine of its own', async () => {
    const script = 'id; hostname; ps; ip addr; cat /proc/self/uid_map';
    const output = await given.host.ok(['run', '--rm', '--name', 'first', 'busybox', '--', 'sh', '-c', script]);
    expect(output).to.match(/^uid=0(\(root\))? gid=0/);
    expect(output).to.match(/^first$/m);
    expect(output).to.match(/^\s+1 /m);
    expect(output.split('\n').filter((line) => /^\s*\d+ +(root|0)\b/.test(line)).length).to.be.lessThan(5);
    expect(output).to.match(/eth0@\S+ <.*UP.*>/);
    expect(output).to.match(/inet 10\.\d+\.\d+\.\d+\/16 .*eth0/);
    const [, inside, outside, count] = /^\s*(\d+)\s+(\d+)\s+(\d+)$/m.exec(output) ?? [];
    expect([inside, count]).to.deep.equal(['0', '65536']);
    expect(Number(outside)).to.be.at.least(0x1000_0000);
  });

  for (const [what, argv, status] of [
    ["the command's own status", ['sh', '-c', 'exit 7'], 7],
    ['127 if there is no such command', ['no-such-command'], 127],
    ['126 if it is not executable', ['/etc/passwd'], 126],
    ['126 if it is a directory', ['/etc'], 126],
    ['143 if it was killed by TERM', ['sh', '-c', 'kill -TERM $$'], 143],
    ['137 if it was killed by KILL', ['sh', '-c', 'kill -KILL $$'], 137],
  ] as const) {
    it(`exits with ${what}`, async () => {
      const result = await given.host.cli(['run', '--rm', '--net', 'none', 'sparse', '--', ...argv]);
      expect([result.status, result.stdout]).to.deep.equal([status, '']);
    });
  }

  it('passes stdin, stdout and stderr through, and nothing else', async () => {
    const script = 'cat; echo to-stderr >&2';
    const result = await given.host.cli(['run', '--rm', '--net', 'none', 'sparse', '--', 'sh', '-c', script], {
      input: 'from stdin\n',
    });
    expect(result).to.deep.equal({ status: 0, stdout: 'from stdin\n', stderr: 'to-stderr\n' });
  });

  it('passes binary data through unchanged', async () => {
    const input = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 127));
    const { stdout } = await given.host.cli(['run', '--rm', '--net', 'none', 'sparse', '--', 'cat'], { input });
    expect(stdout).to.equal(input.toString());
  });

  it('forwards a signal to the command and exits with its status', async () => {
    const script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done';
    const cli = given.host.start(['run', '--rm', '--net', 'none', 'sparse', '--', 'sh', '-c', script]);
    await cli.seen(/ready/);
    cli.process.kill('SIGTERM');
    const { status, stderr } = await cli.ended;
    expect([status, stderr]).to.deep.equal([9, '']);
    expect(await given.host.ok(['list', '-q'])).to.equal('');
  });

  it('ends and leaves nothing when --timeout is over', async () => {
    const options = ['--rm', '--timeout', '2s', '--net', 'none'];
    const { status, stderr } = await given.host.cli(['run', ...options, 'sparse', '--', 'sleep', '1000']);
    expect([status, stderr]).to.deep.equal([
      125,
      'error: not done after 2s\nhint: Wait longer with a larger --timeout.\n',
    ]);
    await eventually('it is gone', async () => (await given.host.ok(['list', '-q'])) === '');
  });

  it('keeps the zone without --rm, with the status that it ended with', async () => {
    await given.host.cli(['run', '--name', 'kept', '--net', 'none', 'sparse', '--', 'sh', '-c', 'exit 3']);
    const { status, exit } = await given.host.json<{ status: string; exit: { status: number } }>(['inspect', 'kept']);
    expect([status, exit.status]).to.deep.equal(['stopped', 3]);
  });

  it('prints the name and leaves the zone running with -d', async () => {
    const name = (await given.host.ok(['run', '-d', '--net', 'none', 'sparse'])).trim();
    expect(await given.host.ok(['exec', name, '--', 'hostname'])).to.equal(`${name}\n`);
    await given.host.ok(['delete', '--force', name]);
  });
});

describe('a zone that has ended', () => {
  const given = givenHost({ images: ['busybox'] });

  it('is one when its monitor has written down how, and what it said last', async () => {
    const { host } = given;
    const go = await host.file('go', '');
    const command = ['sh', '-c', 'printf last; while [ ! -s /go ]; do sleep 0.05; done; exit 12'];
    await using zone = await host.run({ image: 'busybox', net: 'none', command, mount: [`${go}:/go`] });
    const { context } = await host.open();
    const running = await readRunning(context.roots, zone.name);
    if (running === undefined) throw new Error('it does not run');
    const { pid, monitorPid } = running;
    // A monitor that is not scheduled for a moment.
    process.kill(monitorPid, 'SIGSTOP');
    let waited: ReturnType<Zone['wait']>;
    try {
      await host.file('go', 'x');
      await eventually('its first process is dead', () => !isAlive(pid));
      waited = zone.wait({ for: 'stopped' });
      // Time for who does not wait to show it.
      await sleep(300);
    } finally {
      process.kill(monitorPid, 'SIGCONT');
    }
    expect(await waited).to.deep.equal({ status: 12 });
    expect(await host.ok(['logs', zone.name])).to.equal('last\n');
    expect((await zone.status()).note).to.equal('stopped: ended with status 12');
  });
});

describe('inside a zone', () => {
  let zone: Zone;
  let pid: number;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    const env = { GREETING: 'hello world' };
    zone = await host.run({ name: 'inside', image: 'busybox', hostname: 'box.example', env, net: 'none' });
    pid = (await zone.inspect()).pid ?? 0;
  });

  it('the observations of these tests are right: plain unshare gives what it has to', async () => {
    const [map = '', pids = '', first] = (
      await underUnshare(`cat /proc/self/uid_map; ${visiblePids}; echo; readlink /proc/1/exe`)
    ).split('\n');
    expect(map.trim().split(/\s+/)).to.deep.equal(['0', '0', '1']);
    expect(pids.split(' ')[0]).to.equal('1');
    expect(first).to.match(/sh$/);
  });

  it('pid 1 is root there and an unprivileged user on the host', async () => {
    const [inside = '', outside = ''] = (await sh(zone, 'cat /proc/1/uid_map'))
      .split(/\s+/)
      .filter((word) => word !== '');
    expect(inside).to.equal('0');
    expect(await statusField(pid, 'Uid')).to.equal(Array(4).fill(outside).join('\t'));
    expect(await statusField(pid, 'Gid')).to.equal(Array(4).fill(outside).join('\t'));
    expect(await statusField(pid, 'NSpid')).to.equal(`${pid}\t1`);
  });

  it('only its own processes are seen', async () => {
    const pids = (await sh(zone, visiblePids)).split(' ').map(Number);
    expect(pids[0]).to.equal(1);
    expect(pids.length).to.be.lessThan(8);
  });

  it('every namespace but time is its own', async () => {
    const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
    for (const name of names) {
      const inside = await sh(zone, `readlink /proc/1/ns/${name}`);
      const { stdout } = await zone.exec(['readlink', `/proc/self/ns/${name}`]);
      expect(stdout.trim(), `exec, ${name}`).to.equal(inside);
      const { ino } = await stat(`/proc/self/ns/${name}`);
      expect(inside, name).not.to.equal(`${name}:[${ino}]`);
    }
  });

  it('hostname, environment and marker are as asked', async () => {
    expect(await sh(zone, 'hostname')).to.equal('box.example');
    expect(await sh(zone, 'echo $GREETING,$container,$PATH,$TERM,$HOME')).to.equal(
      'hello world,tszone,/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin,xterm,/root',
    );
    expect(await sh(zone, "tr '\\0' '\\n' < /proc/1/environ")).not.to.match(/TSZONE|SSH|NODE/);
  });

  it('the host name resolves', async () => {
    expect(await sh(zone, 'cat /etc/hostname')).to.equal('box.example');
    expect(await sh(zone, 'grep box.example /etc/hosts')).to.match(/box\.example box$/);
  });

  it('the machine id is fresh in every zone', async () => {
    await using other = await given.host.run({ image: 'busybox', net: 'none' });
    const ids = [await sh(zone, 'cat /etc/machine-id'), await sh(other, 'cat /etc/machine-id')];
    for (const id of ids) expect(id).to.match(/^[0-9a-f]{32}$/);
    expect(new Set([...ids, await readFile('/etc/machine-id', 'utf8').catch(() => '')]).size).to.equal(3);
  });

  it('devices are there and work', async () => {
    const list = (await sh(zone, 'ls /dev')).split('\n');
    expect(list).to.include.members([
      'null',
      'zero',
      'full',
      'random',
      'urandom',
      'tty',
      'ptmx',
      'pts',
      'shm',
      'mqueue',
      'console',
      'fd',
      'stdin',
      'stdout',
      'stderr',
    ]);
    expect(await sh(zone, 'head -c 4 /dev/zero | od -An -tx1')).to.equal('00 00 00 00');
    expect(await sh(zone, 'head -c 1000 /dev/urandom | wc -c')).to.equal('1000');
    expect(await sh(zone, 'echo x > /dev/null; echo y 2>&1 > /dev/full || echo full')).to.match(/full$/);
    expect(await sh(zone, 'echo kept > /dev/shm/x; cat /dev/shm/x')).to.equal('kept');
  });

  it('no node for a real device can be made or opened', async () => {
    expect((await zone.exec(['mknod', '/tmp/disk', 'b', '8', '0'])).exitCode).not.to.equal(0);
    expect((await zone.exec(['mknod', '/tmp/mem', 'c', '1', '1'])).exitCode).not.to.equal(0);
  });

  it('/proc and /sys are its own, with masked and read-only paths', async () => {
    for (const path of ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/interrupts']) {
      expect(await sh(zone, `if [ -e ${path} ]; then wc -c < ${path}; else echo 0; fi`), path).to.equal('0');
    }
    expect(await sh(zone, 'ls /sys/firmware 2>/dev/null | wc -l')).to.equal('0');
    for (const path of ['/proc/sysrq-trigger', '/proc/sys/kernel/panic', '/proc/irq/default_smp_affinity']) {
      expect(
        await sh(zone, `[ ! -e ${path} ] || (echo 0 > ${path}) 2>/dev/null && echo written || echo refused`),
        path,
      ).to.match(/refused|written/);
    }
    expect((await zone.exec(['sh', '-c', 'echo 9 > /proc/sys/kernel/panic'])).exitCode).not.to.equal(0);
    expect((await zone.exec(['sh', '-c', 'echo h > /proc/sysrq-trigger'])).exitCode).not.to.equal(0);
    expect((await zone.exec(['sh', '-c', 'echo 1 > /sys/kernel/mm/ksm/run'])).exitCode).not.to.equal(0);
  });

  it('no mount of the host is seen, and none propagates', async () => {
    const mounts = await sh(zone, 'cat /proc/self/mountinfo');
    expect(mounts).not.to.include(given.host.directory);
    expect(mounts).not.to.include('/var/cache');
    expect(mounts).not.to.match(/ (shared|master):\d+/);
    expect(mounts.split('\n').filter((line) => line.split(' ')[4] === '/')).to.have.length(1);
  });

  it('files survive a stop and a start', async () => {
    await sh(zone, 'echo kept > /root/note');
    await zone.restart();
    expect(await sh(zone, 'cat /root/note')).to.equal('kept');
  });

  it('zombies are reaped', async () => {
    await sh(zone, '(sleep 0.1 & sleep 0.1 &) ; (setsid sh -c "sleep 0.1 & exit 0" &)');
    await eventually('no child is left', async () => (await zone.ps()).length === 1);
  });
});
