/** What create and run are told about a zone's files, users, powers and first process, seen from inside and from the host. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { givenHost } from '../helpers/given.js';
import { statusField } from '../helpers/observe.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

/** Status and output of a script in the zone. */
async function attempt(zone: Zone, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await zone.exec(['sh', '-c', script]);
  return `${exitCode} ${stdout}${stderr}`.trim();
}

describe('files of a zone', () => {
  let zone: Zone;
  let sources: { readonly rw: string; readonly ro: string; readonly file: string };
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    sources = { rw: await host.file('rw'), ro: await host.file('ro'), file: await host.file('one.txt', 'one file\n') };
    await writeFile(join(sources.rw, 'mine'), 'of the host\n');
    await writeFile(join(sources.ro, 'fixed'), 'stays\n');
    zone = await host.run({
      image: 'busybox',
      net: 'none',
      mount: [`${sources.rw}:/data`, `${sources.ro}:/fixed:ro`, `${sources.file}:/etc/one.txt:ro`],
      tmpfs: ['/scratch:1M', '/plain'],
    });
  });

  it('a mounted directory has the same owners on both sides', async () => {
    expect(await sh(zone, 'stat -c %u:%g /data/mine; cat /data/mine')).to.equal('0:0\nof the host');
    await sh(zone, 'echo inside > /data/theirs; echo x > /data/users; chown 1000:1001 /data/users');
    const made = await stat(join(sources.rw, 'theirs'));
    const given1000 = await stat(join(sources.rw, 'users'));
    expect([made.uid, made.gid, given1000.uid, given1000.gid]).to.deep.equal([0, 0, 1000, 1001]);
    expect(await readFile(join(sources.rw, 'theirs'), 'utf8')).to.equal('inside\n');
  });

  it('a read-only mount can be read and not written', async () => {
    expect(await sh(zone, 'cat /fixed/fixed /etc/one.txt')).to.equal('stays\none file');
    expect(await attempt(zone, 'echo x > /fixed/fixed')).to.match(/^1 .*Read-only/);
    expect(await attempt(zone, 'echo x > /fixed/new')).to.match(/^1 .*Read-only/);
    expect(await attempt(zone, 'echo x > /etc/one.txt')).to.match(/^1 .*Read-only/);
    expect(await readFile(join(sources.ro, 'fixed'), 'utf8')).to.equal('stays\n');
  });

  it('no device node and no set-uid program of a mount has any power', async () => {
    const mounts = await sh(zone, "grep -E ' /(data|fixed) ' /proc/self/mountinfo");
    for (const line of mounts.split('\n')) expect(line).to.match(/nosuid,nodev/);
  });

  it('a tmpfs is empty, and as large as was said', async () => {
    expect(await sh(zone, 'ls /scratch | wc -l; grep -c " /plain tmpfs " /proc/mounts')).to.equal('0\n1');
    expect(await attempt(zone, 'dd if=/dev/zero of=/scratch/big bs=100k count=20')).to.match(/^1 .*No space/);
    await sh(zone, 'rm /scratch/big; head -c 500000 /dev/zero > /scratch/small');
  });

  it('its layers on disk keep the owners of the zone, unshifted', async () => {
    await sh(zone, 'echo x > /root/note; chown 7:8 /root/note');
    const { uid, gid } = await stat(join(given.host.root, 'zones', zone.name, 'rootfs/upper/root/note'));
    expect([uid, gid]).to.deep.equal([7, 8]);
  });

  it('a read-only root cannot be written, its tmpfs can', async () => {
    await using closed = await given.host.run({ image: 'busybox', net: 'none', readOnly: true, tmpfs: ['/tmp'] });
    expect(await attempt(closed, 'echo x > /root/x')).to.match(/^1 .*Read-only/);
    expect(await attempt(closed, 'rm /etc/passwd')).to.match(/^1 .*Read-only/);
    expect(await sh(closed, 'echo x > /tmp/x; cat /tmp/x; cat /etc/hostname')).to.equal(`x\n${closed.name}`);
  });

  it('a sparse zone has the programs of the host and nothing of its /etc and /home', async () => {
    await using sparse = await given.host.run({ image: 'sparse', net: 'none' });
    expect(await sh(sparse, 'ls /usr/bin/env; ls /home | wc -l')).to.equal('/usr/bin/env\n0');
    expect(await attempt(sparse, 'touch /usr/bin/new')).to.match(/^1 .*Read-only/);
    expect(await sh(sparse, 'touch /usr/local/own; ls /usr/local')).to.equal('own');
    expect(await sh(sparse, 'cat /etc/shadow')).not.to.match(/\$[0-9a-z]+\$/);
    expect(await sh(sparse, 'echo x > /etc/own; mkdir /var/tmp/own; cat /etc/own')).to.equal('x');
  });

  it('what the host keeps to itself in /usr stays closed to a sparse zone', async () => {
    await using sparse = await given.host.run({ image: 'sparse', net: 'none', usrLocal: true });
    const { execFile } = await import('node:child_process');
    const secret = `/usr/local/lib/tszone-test-${process.pid}`;
    await writeFile(secret, 'secret\n', { mode: 0o600 });
    try {
      expect(await attempt(sparse, `cat ${secret}`)).to.match(/^1 .*Permission denied/);
      expect(await sh(sparse, `stat -c %u ${secret}`)).to.equal('65534');
    } finally {
      await new Promise((resolve) => execFile('rm', ['-f', secret], resolve));
    }
  });
});

describe('who a program in a zone is', () => {
  const given = givenHost({ images: ['busybox'] });
  const run = async (options: readonly string[], script: string) =>
    (await given.host.ok(['run', '--rm', '--net', 'none', ...options, 'busybox', '--', 'sh', '-c', script])).trim();

  it('the user, by name and by number, without a power of root', async () => {
    const script = 'id -u; id -g; echo $HOME; grep CapEff /proc/self/status';
    expect(await run(['--user', 'www-data'], script)).to.equal('33\n33\n/var/www\nCapEff:\t0000000000000000');
    expect(await run(['-u', '1234:77'], 'id -u; id -g')).to.equal('1234\n77');
  });

  it('the working directory', async () => {
    expect(await run(['--workdir', '/usr'], 'pwd')).to.equal('/usr');
  });

  it('the limits of setrlimit', async () => {
    expect(
      await run(['--ulimit', 'nofile=100:200', '--ulimit', 'core=0'], 'ulimit -Sn; ulimit -Hn; ulimit -c'),
    ).to.equal('100\n200\n0');
  });

  it('the umask', async () => {
    expect(await run([], 'umask')).to.equal('0022');
    expect(await run(['--umask', '077'], 'umask')).to.equal('0077');
  });

  it('a capability that was taken away is gone for good', async () => {
    expect(await run([], 'chown 5:5 /tmp && echo done')).to.equal('done');
    expect(await run(['--cap-drop', 'CHOWN'], 'chown 5:5 /tmp 2>&1; grep -E "CapBnd" /proc/self/status')).to.match(
      /not permitted/,
    );
    expect(await run(['--cap-drop', 'ALL'], 'grep -E "Cap(Eff|Prm|Bnd)" /proc/self/status')).to.match(
      /^(Cap\w+:\t0{16}\s*){3}$/,
    );
  });

  it('a capability that was added is there', async () => {
    const capability = async (options: string[]) => {
      const line = await run(options, 'grep CapEff /proc/self/status');
      return (BigInt(`0x${line.slice(-16)}`) >> 34n) & 1n;
    };
    expect(await capability([])).to.equal(0n);
    expect(await capability(['--cap-add', 'SYSLOG'])).to.equal(1n);
  });

  it('no new privileges, if asked', async () => {
    const script = 'grep NoNewPrivs /proc/self/status';
    expect(await run(['--no-new-privs'], script)).to.equal('NoNewPrivs:\t1');
    expect(await run([], script)).to.equal('NoNewPrivs:\t0');
  });

  it('exec is bound by the same, and can be another user elsewhere', async () => {
    const spec = { image: 'busybox', net: 'none', capDrop: ['CHOWN'], ulimit: ['nofile=100'], env: { A: 'a' } };
    await using zone = await given.host.run(spec);
    expect(await attempt(zone, 'chown 5:5 /tmp')).to.match(/^1 /);
    expect(await sh(zone, 'ulimit -n; umask; echo $A$B; pwd', { env: { B: 'b' }, cwd: '/usr' })).to.equal(
      '100\n0022\nab\n/usr',
    );
    expect(await sh(zone, 'id -u', { user: 'nobody' })).to.equal('65534');
  });

  it('a time namespace, if asked', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none', timeNamespace: true });
    const { ino } = await stat('/proc/self/ns/time');
    expect(await sh(zone, 'readlink /proc/self/ns/time')).not.to.equal(`time:[${ino}]`);
  });
});

describe('pid 1 of a zone', () => {
  const given = givenHost({ images: ['busybox'] });

  it('is the command itself with --init none', async () => {
    const command = ['sh', '-c', 'trap "exit 4" TERM; while :; do sleep 0.05; done'];
    await using zone = await given.host.run({ image: 'busybox', net: 'none', init: 'none', command });
    expect(await sh(zone, "tr '\\0' ' ' < /proc/1/cmdline")).to.match(/^sh -c trap/);
    await eventually('its trap is set', async () => (await zone.ps()).some(({ command }) => /^sleep/.test(command)));
    const { status, killed } = await zone.stop();
    expect([status, killed]).to.deep.equal([4, false]);
  });

  it('is the tiny init otherwise, with the command as its child', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none', command: ['sleep', '1000'] });
    const processes = (await zone.ps()).map(({ pid, command }) => [pid, command]);
    expect(processes.map(([pid]) => pid)).to.deep.equal([1, 2]);
    expect(processes[1]).to.deep.equal([2, 'sleep 1000']);
    expect(await statusField((await zone.inspect()).pid ?? 0, 'Name')).to.match(/init/);
  });

  it("is the image's own with --init full, and stop shuts it down in order", async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none', init: 'full' });
    await eventually('busybox init has read its table', async () => (await zone.ps()).length > 1);
    expect(await sh(zone, "tr '\\0' ' ' < /proc/1/cmdline")).to.match(/init/);
    expect((await zone.stop()).killed).to.equal(false);
  });

  it('passes signals on to the command', async () => {
    const command = ['sh', '-c', 'trap "echo got; exit 5" USR1; echo ready; while :; do sleep 0.05; done'];
    await using zone = await given.host.run({ image: 'busybox', net: 'none', command });
    await eventually('it is ready', async () => (await logText(zone)).includes('ready'));
    await given.host.ok(['kill', '-s', 'USR1', zone.name]);
    await zone.wait({ for: 'stopped' });
    expect((await zone.inspect()).exit?.status).to.equal(5);
    expect(await logText(zone)).to.equal('ready\ngot\n');
  });

  it('ends what is left of the zone when the command ends', async () => {
    const command = ['sh', '-c', '(setsid sleep 1000 &) ; sleep 0.2'];
    await using zone = await given.host.run({ image: 'busybox', net: 'none', command });
    await zone.wait({ for: 'stopped' });
    expect((await zone.status()).status).to.equal('stopped');
  });
});

async function logText(zone: Zone): Promise<string> {
  let text = '';
  for await (const line of zone.logs()) text += `${line.text}\n`;
  return text;
}
