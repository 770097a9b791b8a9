import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import {
  attachConsole,
  type EnterOp,
  encodePlan,
  helperPath,
  protocolVersion,
  sendSignal,
  setWinsize,
  spawnSession,
  waitForExit,
} from '../../src/helper/index.js';
import { isAlive, signalTo } from '../helpers/alive.js';
import { failure, idBase, startZone, ZoneDirectory } from '../helpers/helper-plan.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

const forever = ['sleep', '1000'];

/** Status and output of a zone whose command ends by itself. */
async function runToEnd(ops: readonly EnterOp[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const session = spawnSession('launch', ops, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = Promise.all([session.stdout, session.stderr].map((stream) => (stream === null ? '' : text(stream))));
  await session.expect('created');
  session.go();
  const { status } = await session.expect('exited');
  const [stdout = '', stderr = ''] = await output;
  return { status, stdout, stderr };
}

async function execToEnd(ops: readonly EnterOp[], input = '') {
  const session = spawnSession('enter', ops, { stdio: ['pipe', 'pipe', 'pipe'] });
  session.stdin?.on('error', () => {});
  session.stdin?.end(input);
  const output = Promise.all([session.stdout, session.stderr].map((stream) => (stream === null ? '' : text(stream))));
  const exited = await session.expect('exited');
  const [stdout = '', stderr = ''] = await output;
  return { ...exited, stdout, stderr };
}

describe('native helper', () => {
  let zone: ZoneDirectory;
  before(requires('root', 'overlay', 'busybox'));
  beforeEach(() => {
    zone = new ZoneDirectory();
  });
  afterEach(() => zone[Symbol.dispose]());

  describe('launch', () => {
    it('gives the command its own root, ids, pids and host name, and its status comes back', async () => {
      const script = 'id -u; cat /proc/self/uid_map; hostname; ls /; echo no >&2; exit 7';
      const { status, stdout, stderr } = await runToEnd(zone.plan(['sh', '-c', script]));
      expect(status).to.equal(7);
      expect(stderr).to.equal('no\n');
      expect(stdout).to.match(/^0\n\s+0\s+700000\s+65536\n/);
      expect(stdout).to.match(/fixture\nbin\ndev\netc\nmnt\nproc\ntmp\n$/);
    });

    it('shows no path of the host inside', async () => {
      const { stdout } = await runToEnd(
        zone.plan(['sh', '-c', 'cat /proc/self/mountinfo; ls -l /proc/1/fd /proc/self/fd']),
      );
      expect(stdout).to.include('overlay overlay rw,lowerdir=0,upperdir=u/upper');
      expect(stdout).not.to.include(zone.path);
    });

    it('keeps files unshifted on the host', async () => {
      await runToEnd(zone.plan(['touch', '/tmp/mine']));
      expect(statSync(join(zone.path, 'rw/upper/tmp/mine')).uid).to.equal(0);
    });

    it('tells the pid on the host, whose uid is in the range of the zone', async () => {
      await using running = await startZone(zone.plan(forever));
      expect(readFileSync(`/proc/${running.pid}/status`, 'utf8')).to.match(new RegExp(`^Uid:\\s+${idBase}\\s`, 'm'));
      expect(zone.readJson('running.json')).to.include({
        version: 1,
        pid: running.pid,
        monitorPid: running.session.pid,
      });
    });

    it('writes the exit record and unlinks its socket when the zone has ended', async () => {
      await runToEnd(zone.plan(['sh', '-c', 'kill -TERM $$']));
      expect(zone.readJson('exit.json')).to.include({ version: 1, status: 143 });
      expect(existsSync(zone.socket)).to.equal(false);
    });

    it('says 127 for a missing command and 126 for one that is not executable', async () => {
      for (const [command, status] of [
        ['/bin/nothing', 127],
        ['/etc', 126],
      ] as const) {
        const session = spawnSession('launch', zone.plan([command]));
        await session.expect('created');
        session.go();
        const error = await failure(session.expect('started'));
        if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
        expect(error.context).to.include({ step: 'exec.path', path: command, status });
        expect(await session.exited).to.equal(status);
      }
    });

    it('reports the step, errno and path of a failed op, once, and leaves no process', async () => {
      const mounts: EnterOp[] = [{ op: 'mnt.fs', type: 'nosuchfs', target: '/mnt', attributes: '', options: '' }];
      const session = spawnSession('launch', zone.plan(forever, { mounts }));
      const error = await failure(session.expect('started'));
      if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
      expect(error.context).to.include({ step: 'mnt.fs', syscall: 'fsopen', errnoName: 'ENODEV', path: '/mnt' });
      expect(error.context.op).to.deep.equal(mounts[0]);
      expect(await session.exited).to.equal(125);
    });

    it('refuses an unknown op before it does anything', async () => {
      const child = spawn(helperPath(), ['launch'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
      const events = text(child.stdio[4] as Readable);
      const plan = `tszone-plan\0${protocolVersion}\0monitor.lock\x001\0${zone.run}/lock\0mnt.nonsense\x000\0`;
      (child.stdio[3] as Writable).end(plan);
      const [status] = await once(child, 'exit');
      expect(status).to.equal(125);
      expect(JSON.parse(await events)).to.include({
        event: 'error',
        step: 'mnt.nonsense',
        op: 1,
        message: 'unknown op',
      });
      expect(existsSync(join(zone.run, 'lock'))).to.equal(false);
    });

    it('refuses a second zone on the same lock, whose files it leaves alone', async () => {
      await using _running = await startZone(zone.plan(forever));
      const session = spawnSession('launch', zone.plan(forever));
      const error = await failure(session.expect('created'));
      if (!hasCode(error, 'LOCK_BUSY')) throw error;
      expect(error.context).to.include({ step: 'monitor.lock', errnoName: 'EAGAIN' });
      expect(await session.exited).to.equal(125);
      expect(existsSync(zone.socket)).to.equal(true);
    });

    it('kills the child and works off the exit list when the caller dies before go', async () => {
      const marker = join(zone.path, 'marker');
      writeFileSync(marker, '');
      const plan = join(zone.path, 'plan');
      writeFileSync(plan, encodePlan([...zone.plan(forever), { op: 'exit.unlink', path: marker }]));
      const script = `const {spawn} = require('node:child_process');
        const child = spawn(${JSON.stringify(helperPath())}, ['launch'], {stdio: ['ignore','ignore','ignore','pipe','pipe']});
        child.stdio[3].end(require('node:fs').readFileSync(${JSON.stringify(plan)}));
        child.stdio[4].on('data', (line) => { process.stdout.write(line); });`;
      const caller = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(createInterface({ input: caller.stdout }), 'line')) as [string];
      const created = JSON.parse(line) as { pid: number; monitorPid: number };
      caller.kill('SIGKILL');
      await eventually('helper and child are gone', () => !isAlive(created.monitorPid) && !isAlive(created.pid));
      expect(existsSync(marker)).to.equal(false);
      expect(existsSync(zone.socket)).to.equal(false);
    });

    it('runs on when the caller detaches, and is ended in order by TERM to the monitor', async () => {
      const { session, pid } = await startZone(zone.plan(forever, { stdio: 'log' }));
      session.detach();
      await sleep(50);
      expect(isAlive(pid)).to.equal(true);
      await eventually('socket', () => existsSync(zone.socket));
      const ended = waitForExit(zone.socket);
      // Asked second, answered second: by then the monitor knows who waits.
      await sendSignal(zone.socket, 0);
      signalTo(session.pid, 'SIGTERM');
      expect(await ended).to.include({ status: 143 });
      expect(zone.readJson('exit.json')).to.include({ status: 143 });
    });

    it('does not outlive its monitor', async () => {
      const { session, pid } = await startZone(zone.plan(forever));
      signalTo(session.pid, 'SIGKILL');
      await eventually('pid 1 is dead', () => !isAlive(pid));
      await session.exited;
    });

    it('runs a last command, unless the caller has claimed the end and lives', async () => {
      const marker = join(zone.path, 'marker');
      const last: EnterOp = { op: 'exit.spawn', argv: ['touch', marker] };
      const plan = [...zone.plan(forever, { stdio: 'log' }), last];
      const { session: claimed } = await startZone(plan);
      claimed.claim();
      claimed.signal(15);
      await claimed.exited;
      expect(existsSync(marker)).to.equal(false);
      const { session } = await startZone(plan);
      session.signal(15);
      session.detach();
      await eventually('the last command ran', () => existsSync(marker));
    });

    it('logs each line with time and stream, and rotates', async () => {
      const script =
        'i=0; while [ $i -lt 100 ]; do echo "line $i of many, to fill the log"; i=$((i+1)); done; echo oops >&2; echo -n end';
      const { session } = await startZone(zone.plan(['sh', '-c', script], { stdio: 'log' }));
      await session.expect('exited');
      await session.exited;
      const log = readFileSync(join(zone.run, 'log'), 'utf8');
      const older = readFileSync(join(zone.run, 'log.1'), 'utf8');
      expect(readdirSync(zone.run).filter((name) => name.startsWith('log'))).to.have.members(['log', 'log.1']);
      for (const part of [log, older]) expect(Buffer.byteLength(part)).to.be.at.most(4000 + 16384);
      expect(older + log).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z stdout line 99 of many, to fill the log$/m);
      expect(log)
        .to.match(/Z stderr oops\n/)
        .and.match(/Z stdout end\n/);
    });

    it('goes on when the log cannot be written', async () => {
      const { status } = await runToEnd([
        ...zone.plan(['sh', '-c', 'echo a; exit 4']),
        { op: 'monitor.log', path: '/dev/full', maxBytes: '1000', files: '1' },
      ]);
      expect(status).to.equal(4);
    });

    it('lets nobody undo a locked read-only tree, nor take its cover off', async () => {
      const secret = join(zone.path, 'secret');
      for (const name of ['inner', 'cover']) mkdirSync(join(secret, name), { recursive: true });
      writeFileSync(join(secret, 'inner/closed'), 'closed\n', { mode: 0o600 });
      writeFileSync(join(zone.path, 'file'), 'file\n');
      const script = `
        mount -o remount,rw /mnt/ro; mount -o remount,bind,rw /mnt/ro; touch /mnt/ro/new; echo x > /mnt/ro/inner/y
        mkdir /tmp/b; mount -o bind /mnt/ro /tmp/b; mount -o remount,bind,rw /tmp/b; touch /tmp/b/new
        mount -o rbind /mnt/ro /tmp/b; mount -o remount,bind,rw /tmp/b; touch /tmp/b/new
        umount /mnt/ro/inner; cat /mnt/ro/inner/closed; umount -l /mnt/ro/inner; cat /mnt/ro/inner/closed
        echo x > /mnt/file; mount -o remount,bind,rw /mnt/file; echo x > /mnt/file
        ls /mnt/ro; cat /mnt/file`;
      const { stdout } = await runToEnd(
        zone.plan(['sh', '-c', script], {
          host: [
            { op: 'tree.open', slot: 'ro', path: secret, flags: 'recursive,readonly,locked,nosuid,nodev' },
            { op: 'tree.open', slot: 'cover', path: join(secret, 'cover'), flags: 'idmap,locked' },
            { op: 'tree.open', slot: 'file', path: join(zone.path, 'file'), flags: 'idmap,readonly,locked' },
            { op: 'tree.cover', slot: 'ro', path: '/inner', with: 'cover' },
          ],
          mounts: [
            { op: 'mnt.tree', slot: 'ro', target: '/mnt/ro' },
            { op: 'mnt.tree', slot: 'file', target: '/mnt/file' },
          ],
        }),
      );
      expect(stdout).to.equal('cover\ninner\nfile\n');
      expect(readdirSync(secret)).to.have.members(['inner', 'cover']);
      expect(readdirSync(join(secret, 'inner'))).to.have.members(['closed']);
      expect(readFileSync(join(zone.path, 'file'), 'utf8')).to.equal('file\n');
      // The cover is writable and idmapped.
      expect(readdirSync(join(secret, 'cover'))).to.deep.equal(['y']);
      expect(statSync(join(secret, 'cover/y')).uid).to.equal(0);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(zone.path);
    });

    it('writes files without following links, and leaves the image own alone', async () => {
      const target = join(zone.path, 'target');
      const write = (path: string, marker: string, content: string): EnterOp => ({
        op: 'file.write',
        path,
        mode: '0640',
        marker,
        content,
      });
      const script = 'ls -l /etc/link; cat /etc/link /etc/marked /etc/theirs; ls /etc';
      const mounts: EnterOp[] = [
        { op: 'symlink', text: target, path: '/etc/link' },
        { op: 'symlink', text: '/../../../../..', path: '/etc/up' },
        write('/etc/link', '', 'new\n'),
        write('/etc/marked', '', '# ours\nold\n'),
        write('/etc/marked', '# ours', '# ours\nnew\n'),
        write('/etc/theirs', '', 'theirs\n'),
        write('/etc/theirs', '# ours', '# ours\n'),
        write('/etc/up/etc/inside', '', 'inside\n'),
      ];
      const { stdout } = await runToEnd(zone.plan(['sh', '-c', script], { mounts }));
      expect(stdout).to.match(
        /^-rw-r-----.*\/etc\/link\nnew\n# ours\nnew\ntheirs\ninside\nlink\nmarked\ntheirs\nup\n$/,
      );
      expect(existsSync(target)).to.equal(false);
    });
  });

  describe('console', () => {
    it('carries bytes both ways from the first one on, and window sizes', async () => {
      const session = spawnSession(
        'launch',
        zone.plan(['sh', '-c', 'echo first; read a; echo "got $a"; stty size'], { stdio: 'pty' }),
      );
      await session.expect('created');
      const terminal = await attachConsole(zone.socket);
      let output = '';
      terminal.on('data', (bytes: Buffer) => {
        output += bytes;
      });
      session.go();
      await session.expect('started');
      await setWinsize(zone.socket, 33, 99);
      await eventually('the first line', () => output.includes('first'));
      terminal.write('typed\n');
      await session.expect('exited');
      await session.exited;
      await eventually('the end of the console', () => terminal.closed);
      expect(output).to.equal('first\r\ntyped\r\ngot typed\r\n33 99\r\n');
      expect(readFileSync(join(zone.run, 'log'), 'utf8')).to.match(/Z console got typed\n/);
    });

    it('serves several clients, and is not stopped by one that reads nothing', async () => {
      await using _running = await startZone(
        zone.plan(['sh', '-c', 'while read a; do echo "<$a>"; done'], { stdio: 'pty' }),
      );
      const [first, second] = await Promise.all([attachConsole(zone.socket), attachConsole(zone.socket)]);
      second.pause();
      let seen = '';
      first.on('data', (bytes: Buffer) => {
        seen += bytes;
      });
      first.write('one\n');
      await eventually('echo', () => seen.includes('<one>'));
      first.destroy();
      second.destroy();
    });
  });

  describe('monitor socket', () => {
    it('passes signals to pid 1 and answers waiters when the exit list is done', async () => {
      const marker = join(zone.path, 'marker');
      writeFileSync(marker, '');
      const { session } = await startZone([...zone.plan(forever), { op: 'exit.unlink', path: marker }]);
      const waiters = [waitForExit(zone.socket), waitForExit(zone.socket)];
      // Asked third, answered third: by then the monitor knows who waits.
      await sendSignal(zone.socket, 15);
      for (const end of await Promise.all(waiters)) expect(end).to.include({ event: 'exited', status: 143 });
      expect(existsSync(marker)).to.equal(false);
      await session.exited;
      expect(await waitForExit(zone.socket)).to.equal(undefined);
      await sendSignal(zone.socket, 15);
    });

    it('is closed to others', async () => {
      await using _running = await startZone(zone.plan(forever));
      expect(statSync(zone.socket).mode & 0o777).to.equal(0o600);
    });

    it('stops waiting when told to', async () => {
      await using _running = await startZone(zone.plan(forever));
      const controller = new AbortController();
      const waiting = waitForExit(zone.socket, controller.signal);
      controller.abort(new Error('enough'));
      expect(String(await failure(waiting))).to.equal('Error: enough');
    });
  });

  describe('enter', () => {
    it('runs in all namespaces of the zone, relays stdio and returns the status', async () => {
      await using _running = await startZone(zone.plan(forever));
      const { stdout, stderr, status } = await execToEnd(
        zone.enter(['sh', '-c', 'hostname; id -u; cat; echo e >&2; exit 5']),
        'input\n',
      );
      expect({ stdout, stderr, status }).to.deep.equal({ stdout: 'fixture\n0\ninput\n', stderr: 'e\n', status: 5 });
    });

    it('leaves no helper process in the zone', async () => {
      await using running = await startZone(zone.plan(forever));
      const { stdout } = await execToEnd(zone.enter(['ps', '-o', 'pid,comm']));
      expect(stdout.trim().split('\n')).to.have.length(4);
      expect(
        readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim().split(' '),
      ).to.have.length(1);
    });

    it('says how it was ended by a signal, also one sent through the session', async () => {
      await using _running = await startZone(zone.plan(forever));
      const session = spawnSession('enter', zone.enter(forever));
      await session.expect('started');
      session.signal(10);
      expect(await session.expect('exited')).to.include({ status: 138, signal: 10 });
      expect(await session.exited).to.equal(138);
    });

    it('drops to a user of the zone, whose stdout can be opened anew', async () => {
      await using _running = await startZone(
        zone.plan(forever, {
          mounts: [
            { op: 'file.write', path: '/etc/passwd', mode: '0644', marker: '', content: 'web:x:33:34::/srv:/bin/sh\n' },
            {
              op: 'file.write',
              path: '/etc/group',
              mode: '0644',
              marker: '',
              content: 'extra:x:55:a,web\nother:x:56:webb\n',
            },
          ],
        }),
      );
      const ops: EnterOp[] = [
        { op: 'cred.user', spec: 'web' },
        { op: 'cred.caps', bounding: '0', permitted: '0', inheritable: '0', ambient: '0' },
        { op: 'cred.nnp' },
      ];
      const script = 'id -u; id -g; id -G; echo $HOME $USER; echo again > /dev/stdout; cat /proc/self/status';
      const { stdout } = await execToEnd(zone.enter(['sh', '-c', script], { ops }));
      expect(stdout).to.match(/^33\n34\n34 55\n\/srv web\nagain\n/);
      expect(stdout).to.match(/^CapBnd:\s0{16}$/m);
      expect(stdout).to.match(/^CapEff:\s0{16}$/m);
      expect(stdout).to.match(/^NoNewPrivs:\s1$/m);
    });

    it('names a user that the zone does not have', async () => {
      await using _running = await startZone(zone.plan(forever));
      const session = spawnSession('enter', zone.enter(['id'], { ops: [{ op: 'cred.user', spec: 'nobody-here' }] }));
      const error = await failure(session.expect('started'));
      if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
      expect(error.context).to.include({ step: 'cred.user', path: 'nobody-here' });
    });

    it('gives a terminal of the zone its own size', async () => {
      await using _running = await startZone(zone.plan(forever));
      const plan = zone.enter(['sh', '-c', 'tty; stty size'], {
        stdio: 'pty',
        host: [{ op: 'stdio.winsize', rows: '31', columns: '91' }],
      });
      const { stdout } = await execToEnd(plan);
      expect(stdout).to.equal('/dev/pts/1\r\n31 91\r\n');
    });

    it('refuses a pid that has been given to another process', async () => {
      await using _running = await startZone(zone.plan(forever));
      const plan = zone.enter(['id']).map((op): EnterOp => (op.op === 'target' ? { ...op, startTime: '1' } : op));
      const session = spawnSession('enter', plan);
      const error = await failure(session.expect('started'));
      if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error;
      expect(error.context).to.include({ step: 'target', errnoName: 'ESRCH' });
    });

    it('does not hand a directory of the host to the command', async () => {
      await using _running = await startZone(zone.plan(forever));
      for (const fd of [3, 5, 6, 7, 8, 9, 10]) {
        const session = spawnSession(
          'enter',
          zone.enter(['ls'], { ops: [{ op: 'cwd', path: `/proc/self/fd/${fd}` }] }),
        );
        expect(hasCode(await failure(session.expect('started')), 'KERNEL_STEP_FAILED')).to.equal(true);
      }
      const { stdout } = await execToEnd(zone.enter(['sh', '-c', 'ls -l /proc/$$/fd']));
      expect(stdout.match(/->/g)).to.have.length(3);
    });

    it('is killed with all its children, setsid ones too, when the caller lets go', async () => {
      const group = findGroupParent();
      if (group === undefined) return;
      await using running = await startZone(zone.plan(forever));
      const path = join(group, `tszone-helper-test-${process.pid}`);
      mkdirSync(path);
      try {
        const host: EnterOp[] = [{ op: 'exec.group', path: join(path, 'exec-'), kind: 'cgroup.procs', fill: [] }];
        const controller = new AbortController();
        const session = spawnSession(
          'enter',
          zone.enter(['sh', '-c', 'setsid sleep 999 & (setsid sleep 998 &) ; exec sleep 997'], { host }),
          {
            signal: controller.signal,
          },
        );
        await session.expect('started');
        const group = join(path, `exec-${session.pid}`);
        const members = () => readFileSync(join(group, 'cgroup.procs'), 'utf8').trim().split('\n').filter(Boolean);
        await eventually('three sleeps', () => members().length === 3);
        const sleeps = members().map(Number);
        controller.abort(new Error('enough'));
        await session.exited;
        // What dies leaves its group a moment before it is dead.
        await eventually('they are dead', () => !sleeps.some(isAlive));
        expect(existsSync(group)).to.equal(false);
        expect(isAlive(running.pid)).to.equal(true);
      } finally {
        spawnSync('rmdir', [path]);
      }
    });

    it('lets background processes of a command that ended live on, and does not wait for them', async () => {
      await using running = await startZone(zone.plan(forever));
      const { stdout } = await execToEnd(zone.enter(['sh', '-c', 'sleep 996 & echo done']));
      expect(stdout).to.equal('done\n');
      const { stdout: processes } = await execToEnd(zone.enter(['ps']));
      expect(processes).to.include('sleep 996');
      expect(isAlive(running.pid)).to.equal(true);
    });
  });
});

/** A hierarchy in which a group of our own can be made and joined without limits to set first. */
function findGroupParent(): string | undefined {
  return ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((path) => existsSync(join(path, 'cgroup.procs')));
}
