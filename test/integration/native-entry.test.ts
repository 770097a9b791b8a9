/** The native entry: what it takes, what it leaves to node, and that both mean the same. */
import { statSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { commandTable } from '../../src/commands/index.js';
import { isAlive } from '../helpers/alive.js';
import { bothWays, Handing } from '../helpers/both-ways.js';
import { nativeEntry, startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('the native entry', () => {
  let handing: Handing;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    const options = ['-e', 'FROM_ZONE=1', '-w', '/tmp', '-u', 'daemon'];
    await host.ok(['run', '-d', '--name', 'box', '--net', 'none', ...options, 'busybox', '--', 'sleep', '100000']);
    const zone = await (await host.open()).zone('box');
    await sh(zone, 'echo text > /plain', { user: '0' });
    handing = await Handing.in(host);
  });

  describe('does the same as node, to the byte:', () => {
    const same = (name: string, status: number, ...args: string[]) =>
      it(name, async () => {
        expect((await bothWays(given.host, args)).status).to.equal(status);
      });
    same('a status of its own', 7, 'exec', 'box', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7');
    same('a signal', 143, 'exec', 'box', 'sh', '-c', 'kill -TERM $$');
    same('the zone’s own user, directory and environment', 0, 'exec', 'box', '--', 'sh', '-c', 'id; pwd; env');
    same('another user', 0, 'exec', '-u', 'nobody', 'box', '--', 'sh', '-c', 'id; env');
    same('numbers for a user', 0, 'exec', '--user=4711:4712', 'box', '--', 'id');
    same('an environment', 0, 'exec', '-e', 'A=1', '--env', 'HOME=/x', '--env=A=2', '-e', 'FROM_ZONE=', 'box', 'env');
    same('a directory', 0, 'exec', '-w', '/usr', '-q', 'box', 'pwd');
    same('capabilities', 0, 'exec', 'box', '--', 'sh', '-c', 'grep -E "^(Cap|NoNew|Seccomp|Sig)" /proc/self/status');
    same('limits', 0, 'exec', 'box', '--', 'sh', '-c', 'umask; ulimit -a; cat /proc/self/cgroup | sed s/exec-.*//');
    same('descriptors', 0, 'exec', 'box', '--', 'sh', '-c', 'ls /proc/self/fd | wc -l; readlink /proc/self/fd/0');
    same('a missing command', 127, 'exec', 'box', '--', 'no-such-program');
    same('an option after the name', 127, 'exec', 'box', '-u', 'nobody', 'id');
    same('a file that is no program', 126, 'exec', 'box', '--', '/plain');
    same('a missing user', 125, 'exec', '-u', 'no-such-user', 'box', 'true');
    same('a missing directory', 125, 'exec', '-w', '/no/such', 'box', 'true');
    same('a zone that there is not', 125, 'exec', 'boxx', 'true');
    same('no command', 125, 'exec', 'box');
    same('an unknown flag', 125, 'exec', '--usr', 'nobody', 'box', 'true');
    same('what is no variable', 125, 'exec', '-e', 'NO_SUCH_VARIABLE', 'box', 'true');
    same('an empty command', 125, 'exec', 'box', '');
    same('an error as JSON', 127, 'exec', '-o', 'json', 'box', 'no-such-program');
    same('a login shell', 0, 'shell', 'box', '--', '-c', 'id; pwd; env; echo "$0"');
    same('a login shell of another user', 3, 'enter', '-u', '4711', 'box', '-c', 'id; exit 3');
    same('ps -q', 0, 'ps', '-q', 'box');
    same('ps --quiet after the name', 0, 'ps', 'box', '--quiet');
    same('kill', 0, 'kill', '-s', 'CONT', 'box');
    same('kill by number, quietly', 0, 'kill', 'box', '-q', '--signal=18');
    same('a signal that node alone knows', 0, 'kill', '-s', 'sigurg', 'box');
    same('what is no signal', 2, 'kill', '-s', 'NOSUCH', 'box');
    same('ps of a zone that there is not', 3, 'ps', '-q', 'boxx');
    same('help', 0, 'exec', '--help');
    same('no verb', 0);

    it('what comes in, as bytes', async () => {
      const input = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
      const { stdout } = await bothWays(given.host, ['exec', '-i', 'box', '--', 'md5sum'], { input });
      expect(stdout).to.match(/^[0-9a-f]{32} /);
    });
  });

  const fast: readonly (readonly string[])[] = [
    ['exec', 'box', 'true'],
    ['exec', '-iT', '-q', '-e', 'A=1', '-u', '0', '-w', '/', 'box', '--', 'true'],
    ['exec', '--interactive', '--no-tty', '--quiet', '--env=A=1', '--user=0', '--workdir=/', 'box', '--', 'true'],
    ['shell', '-T', '-u', '0', 'box', '-c', 'true'],
    ['enter', 'box', '--', '-c', 'true'],
  ];
  for (const args of fast) {
    it(`needs no node for: ${args.join(' ')}`, async () => {
      const { status, stdout, stderr } = await handing.run(given.host, args);
      expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: '', stderr: '' });
    });
  }

  it('needs no node for ps -q and kill', async () => {
    expect((await handing.run(given.host, ['ps', '-q', 'box'])).stdout).to.match(/^1\n\d+\n$/);
    const { stdout } = await handing.run(given.host, ['kill', '-s', 'CONT', 'box']);
    expect(stdout).to.equal('zone "box" was sent signal 18\n');
  });

  const slow: readonly (readonly string[])[] = [
    [],
    ['--help'],
    ['version'],
    ['list'],
    ['status', '-q', 'box'],
    ['ps', 'box'],
    ['ps', '-q'],
    ['ps', '-q', 'box', 'box'],
    ['kill', '--all', 'box'],
    ['kill', '-s', 'RTMIN+1', 'box'],
    ['kill', '-s', '65', 'box'],
    ['-q', 'ps', 'box'],
    ['exec'],
    ['exec', 'box'],
    ['exec', 'box', '--'],
    ['exec', 'box', ''],
    ['exec', '--', 'box', 'true'],
    ['exec', '-', 'box', 'true'],
    ['exec', '-h', 'box', 'true'],
    ['exec', '-tT', 'box', 'true'],
    ['exec', '-eA=1', 'box', 'true'],
    ['exec', '-e', 'A', 'box', 'true'],
    ['exec', '-e', '=1', 'box', 'true'],
    ['exec', '-u', 'a:b:c', 'box', 'true'],
    ['exec', '-u', '0', '-u', '0', 'box', 'true'],
    ['exec', '-w', 'tmp', 'box', 'true'],
    ['exec', '-u', '-q', 'box', 'true'],
    ['exec', '--timeout', '5s', 'box', 'true'],
    ['exec', '--root', '/x', 'box', 'true'],
    ['exec', '-o', 'json', 'box', 'true'],
    ['exec', '../box', 'true'],
    ['exec', 'no-such-zone', 'true'],
    ['exec', 'box', 'no-such-program'],
    ['exec', '-u', 'no-such-user', 'box', 'true'],
    ['shell', '-e', 'A=1', 'box'],
  ];
  for (const args of slow) {
    it(`leaves to node: ${args.join(' ') || 'nothing'}`, async () => {
      expect((await handing.run(given.host, args)).stdout).to.equal(handing.expected(args));
    });
  }

  it('starts the spawner of the node that it becomes, which has no other', async () => {
    const env = { ...given.host.env, TSZONE_ENGINE: 'off', TSZONE_SPAWNER: '0:1' };
    const words = ['run', '--rm', '--net', 'none', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 60'];
    const attached = startProgram(nativeEntry, words, { env });
    await attached.seen(/up/);
    const { pid } = attached;
    const [, spawner] = /TSZONE_SPAWNER=\d+:(\d+)\0/.exec(await readFile(`/proc/${pid}/environ`, 'utf8')) ?? [];
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    expect(children).to.deep.equal([spawner]);
    expect(await readFile(`/proc/${spawner}/comm`, 'utf8')).to.equal('tszone-spawner\n');
    expect(await readFile(`/proc/${spawner}/environ`, 'utf8')).to.equal('');
    attached.process.kill('SIGTERM');
    expect((await attached.ended).status).to.equal(143);
    await eventually('it ends with that node', () => !isAlive(Number(spawner)));
  });

  it('without any node fails with the status of the verb’s own failures', async () => {
    const alone = join(handing.directory, 'alone', 'bin', 'tszone');
    await mkdir(dirname(alone), { recursive: true });
    await copyFile(nativeEntry, alone);
    const env = { ...given.host.env, PATH: '/nonexistent', TSZONE_ENGINE: 'off' };
    for (const [verb, { load }] of Object.entries(commandTable)) {
      const { passesStatus } = (await load()).default as { passesStatus?: boolean };
      const { status, stderr } = await startProgram(alone, [...verb.split(' '), '--no-such-flag'], { env }).ended;
      expect([verb, status]).to.deep.equal([verb, passesStatus === true ? 125 : 5]);
      expect(stderr)
        .to.match(/cannot start "node"/)
        .and.match(/hint: Install Node.js/);
    }
  });

  it('asks node for its start-up snapshot, unless that is of another node or not there', async () => {
    const { size, mtimeMs } = statSync(handing.printer);
    const blob = join(handing.directory, 'main.blob');
    const printed = async () => (await handing.run(given.host, ['list'])).stdout;
    const mark = `${size}.${Math.floor(mtimeMs / 1000)}`;
    await handing.record(mark, blob);
    expect(await printed()).to.equal(handing.expected(['list']));
    await writeFile(blob, '');
    expect(await printed()).to.equal(`handed over [--snapshot-blob] [${blob}] [--] [list]`);
    await handing.record(mark, blob, '--flag');
    expect(await printed()).to.equal(`handed over [--flag] [--snapshot-blob] [${blob}] [--] [list]`);
    expect((await handing.run(given.host, ['engine'])).stdout, 'it lives long').to.equal(handing.expected(['engine']));
    await handing.record(`${size + 1}.${Math.floor(mtimeMs / 1000)}`, blob);
    expect(await printed()).to.equal(handing.expected(['list']));
    await handing.record();
  });

  it('starts node without the certificates that cost each start', async () => {
    const env = { NODE_EXTRA_CA_CERTS: '/etc/hosts', OTHER: 'kept' };
    await writeFile(join(handing.directory, 'printer'), '#!/bin/sh\necho "$NODE_EXTRA_CA_CERTS $OTHER"\n');
    expect((await handing.run(given.host, ['list'], { env })).stdout).to.equal(' kept\n');
  });

  describe('leaves to node what its record does not fit:', () => {
    const record = () => join(given.host.runRoot, 'zones/box/enter');
    const refused = (name: string, change: (text: Buffer) => Buffer) =>
      it(name, async () => {
        const before = await readFile(record());
        const args = ['exec', 'box', '--', 'sh', '-c', 'exit 7'];
        try {
          await writeFile(record(), change(before));
          expect((await bothWays(given.host, args)).status).to.equal(7);
          await writeFile(join(handing.directory, 'printer'), '#!/bin/sh\necho handed over\n');
          expect((await handing.run(given.host, args)).stdout).to.equal('handed over\n');
        } finally {
          await writeFile(record(), before);
        }
        expect((await handing.run(given.host, args)).status).to.equal(7);
      });
    const replace = (from: string, to: string) => (text: Buffer) =>
      Buffer.from(text.toString().replace(from.replaceAll(' ', '\0'), to.replaceAll(' ', '\0')));

    const target = (change: (pid: string, startTime: string) => string[]) => (text: Buffer) => {
      const [pid = '', startTime = '', end = ''] = text.toString().split('\0').slice(-3);
      return Buffer.from([...text.toString().split('\0').slice(0, -3), ...change(pid, startTime), end].join('\0'));
    };

    refused('none', () => Buffer.alloc(0));
    refused('one that is cut off', (text) => text.subarray(0, -3));
    refused('of another protocol', replace('tszone-plan 2', 'tszone-plan 1'));
    refused('with an op that it does not know', replace('cgroup.enter 0', 'cgroup.leave 0'));
    refused('without a target', (text) => text.subarray(0, text.indexOf('target\0')));
    refused(
      'whose target’s pid was given to another process',
      target((pid) => [pid, '17']),
    );
    refused(
      'whose target is gone',
      target((_, startTime) => ['4194303', startTime]),
    );
    refused('of another root', replace('entry.root 1 /', 'entry.root 1 /x'));
    refused('of a zone without a user namespace', replace('ns.flags 1 user,', 'ns.flags 1 '));
  });
});
