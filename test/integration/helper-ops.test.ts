import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { expect } from 'chai';
import { hasCode, type ZoneError } from '../../src/errors/index.js';
import { type EnterOp, encodePlan, helperPath, spawnSession } from '../../src/helper/index.js';
import { startZone, ZoneDirectory } from '../helpers/helper-plan.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

/** rtnetlink: RTM_NEWLINK (16) that sets IFF_UP on the link of that index, with an ack. */
function linkUp(index: number): string {
  const message = Buffer.alloc(32);
  message.writeUInt32LE(32, 0);
  message.writeUInt16LE(16, 4);
  message.writeUInt16LE(1 | 4, 6);
  message.writeInt32LE(index, 20);
  message.writeUInt32LE(1, 24);
  message.writeUInt32LE(1, 28);
  return message.toString('hex');
}

async function output(ops: readonly EnterOp[]): Promise<string> {
  const session = spawnSession('launch', ops, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stdout = session.stdout === null ? '' : text(session.stdout);
  await session.expect('created');
  session.go();
  await session.expect('exited');
  return stdout;
}

async function stepFailure(ops: readonly EnterOp[]): Promise<ZoneError> {
  const session = spawnSession('launch', ops);
  try {
    await session.expect('created');
    session.go();
    await session.expect('started');
  } catch (error) {
    await session.exited;
    if (hasCode(error, 'KERNEL_STEP_FAILED')) return error;
    throw error;
  }
  throw new Error('the zone has started');
}

/** Puts ops just before init.fork, behind the pivot. */
function late(ops: readonly EnterOp[], added: readonly EnterOp[]): EnterOp[] {
  const at = ops.findIndex(({ op }) => op === 'init.fork');
  return [...ops.slice(0, at), ...added, ...ops.slice(at)];
}

describe('native helper ops', () => {
  let zone: ZoneDirectory;
  before(requires('root', 'overlay', 'busybox'));
  beforeEach(() => {
    zone = new ZoneDirectory();
  });
  afterEach(() => zone[Symbol.dispose]());

  it('nl.send acts in the net namespace of the zone, and gives the kernel errno', async () => {
    const plan = zone.plan(['cat', '/proc/net/dev', '/sys/class/net/lo/flags'], {
      mounts: [{ op: 'mnt.fs', type: 'sysfs', target: '/sys', attributes: 'ro,nosuid,nodev,noexec', options: '' }],
    });
    const seen = await output(late(plan, [{ op: 'nl.send', protocol: '0', hex: linkUp(1) }]));
    expect(seen)
      .to.match(/^\s+lo:/m)
      .and.match(/^0x9$/m);
    expect(seen).not.to.match(/eth/);
    const error = await stepFailure(late(plan, [{ op: 'nl.send', protocol: '0', hex: linkUp(77) }]));
    expect(error.context).to.include({ step: 'nl.send', syscall: 'netlink', errnoName: 'ENODEV' });
  });

  it('exit.nl works in the net namespace of the host', async () => {
    await output([...zone.plan(['id']), { op: 'exit.nl', protocol: '0', hex: linkUp(1) }]);
    expect(readFileSync('/sys/class/net/lo/flags', 'utf8')).to.match(/9$/m);
  });

  it('masks files and directories, makes paths read-only, and passes over what is not there', async () => {
    const script = `cat /proc/kcore | head -c 1; ls /proc/irq; echo 1 > /proc/sys/kernel/shm_rmid_forced; echo done`;
    const mounts: EnterOp[] = [
      { op: 'mnt.mask', path: '/proc/kcore' },
      { op: 'mnt.mask', path: '/proc/irq' },
      { op: 'mnt.mask', path: '/proc/no-such-file' },
      { op: 'mnt.readonly', path: '/proc/sys' },
      { op: 'mnt.readonly', path: '/proc/no-such-file' },
    ];
    const session = spawnSession('launch', zone.plan(['sh', '-c', script], { mounts }), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr] = [session.stdout, session.stderr].map((stream) =>
      stream === null ? Promise.resolve('') : text(stream),
    );
    await session.expect('created');
    session.go();
    await session.expect('exited');
    expect(await stdout).to.equal('done\n');
    expect(await stderr).to.include('Read-only file system');
  });

  it('refuses to mask through a symbolic link, and what is not of /proc or /sys', async () => {
    const through = await stepFailure(zone.plan(['id'], { mounts: [{ op: 'mnt.mask', path: '/proc/mounts' }] }));
    expect(through.context).to.include({ step: 'mnt.mask', errnoName: 'ELOOP' });
    for (const path of ['/etc/passwd', '/sys/firmware']) {
      const other = await stepFailure(zone.plan(['id'], { mounts: [{ op: 'mnt.mask', path }] }));
      expect(other.context, path).to.include({ step: 'mnt.mask', errnoName: 'EINVAL' });
    }
  });

  it('masks and protects in the /proc that it has mounted, whatever has come over it meanwhile', async () => {
    const mounts: EnterOp[] = [
      { op: 'mnt.fs', type: 'tmpfs', target: '/proc', attributes: '', options: '' },
      { op: 'mkdir', path: '/proc/sys', mode: '0755' },
      { op: 'mnt.mask', path: '/proc/interrupts' },
      { op: 'mnt.mask', path: '/proc/irq' },
      { op: 'mnt.readonly', path: '/proc/sys' },
    ];
    const script =
      'umount /proc && cat /proc/interrupts && ls /proc/irq && cat /proc/sys/kernel/ostype; echo 1 2>/dev/null >/proc/sys/kernel/shm_rmid_forced; echo $?';
    expect(await output(zone.plan(['sh', '-c', script], { mounts }))).to.equal('Linux\n1\n');
  });

  it('covers nothing with a /dev/null that is not the null device', async () => {
    const plan = zone.plan(['id'], { mounts: [{ op: 'mnt.mask', path: '/proc/interrupts' }] });
    writeFileSync(join(zone.path, 'plan'), encodePlan(plan));
    const script = `mount --bind /dev/zero /dev/null && exec 4>&1 3<${join(zone.path, 'plan')} ${helperPath()} launch`;
    const options = { encoding: 'utf8', timeout: patience(30_000), killSignal: 'SIGKILL' } as const;
    const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script], options);
    expect(stdout).to.include('"step":"mnt.mask"').and.include('not the null device');
  });

  it('sets limits, personality, umask and sysctls of the zone alone', async () => {
    const own = readFileSync('/proc/sys/kernel/shm_rmid_forced', 'utf8');
    const ops: EnterOp[] = [
      { op: 'rlimit.set', resource: '7', soft: '100', hard: '200' },
      { op: 'personality', name: 'linux32' },
      { op: 'cred.umask', octal: '027' },
      { op: 'sysctl.write', key: 'kernel.shm_rmid_forced', value: '1' },
    ];
    const script = 'ulimit -n; ulimit -Hn; cat /proc/self/personality; umask; cat /proc/sys/kernel/shm_rmid_forced';
    expect(await output(late(zone.plan(['sh', '-c', script]), ops))).to.equal('100\n200\n00000008\n0027\n1\n');
    expect(readFileSync('/proc/sys/kernel/shm_rmid_forced', 'utf8')).to.equal(own);
  });

  it('says what the kernel says about a bad mount option', async () => {
    const mounts: EnterOp[] = [{ op: 'mnt.fs', type: 'tmpfs', target: '/mnt', attributes: '', options: 'nonsense=1' }];
    const error = await stepFailure(zone.plan(['id'], { mounts }));
    expect(error.context).to.include({ step: 'mnt.fs', syscall: 'fsconfig', errnoName: 'EINVAL' });
    expect(error.message).to.match(/nonsense/);
  });

  it('makes a read-only root of lower layers, prepared in staging, that nobody can open for writing', async () => {
    const plan = zone.plan(['sh', '-c', 'mount -o remount,rw / ; echo x > /etc/x; cat /etc/hello; ls /etc']);
    const at = plan.findIndex(({ op }) => op === 'overlay.mount');
    const prepared: EnterOp[] = [
      { op: 'root.enter', name: 's' },
      { op: 'file.write', path: '/etc/hello', mode: '0644', marker: '', content: 'hello\n' },
      { op: 'overlay.mount', target: 'r', lowers: 's:u/upper:0', upper: '', options: '' },
    ];
    expect(await output([...plan.slice(0, at), ...prepared, ...plan.slice(at + 1)])).to.equal('hello\nhello\n');
  });

  it('gives a zone a time namespace, and exec enters it', async () => {
    const plan = zone
      .plan(['sleep', '1000'])
      .map((op) => (op.op === 'ns.flags' ? { ...op, flags: 'user,mnt,pid,uts,time' } : op));
    await using _running = await startZone(plan);
    const enter = zone
      .enter(['ls', '-l', '/proc/self/ns/time'])
      .map((op) => (op.op === 'ns.flags' ? { ...op, flags: `${op.flags},time` } : op));
    const session = spawnSession('enter', enter, { stdio: ['ignore', 'pipe', 'inherit'] });
    const seen = session.stdout === null ? '' : await text(session.stdout);
    expect(seen).to.match(/time:\[/);
    expect(await session.expect('exited')).to.include({ status: 0 });
  });

  it('runs a command as pid 1 without an init, and a slot by its descriptor', async () => {
    expect(await output(zone.plan(['sh', '-c', 'echo $$'], { withoutInit: true }))).to.equal('1\n');
    const plan = zone.plan([], {
      withoutInit: true,
      host: [{ op: 'tree.open', slot: 'tool', path: '/bin/busybox', flags: 'readonly' }],
    });
    expect(
      await output([...plan.slice(0, -1), { op: 'exec.slot', slot: 'tool', argv: ['busybox', 'echo', 'slot'] }]),
    ).to.equal('slot\n');
  });

  it('ends an idle tiny init in order, with all that runs in the zone', async () => {
    const plan = zone.plan([], { withoutInit: true });
    const idle = [...plan.slice(0, -1), { op: 'exec.slot', slot: 'init', argv: ['init'] }] as EnterOp[];
    const { session } = await startZone(idle);
    const script = 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done';
    const exec = spawnSession('enter', zone.enter(['sh', '-c', script]), { stdio: ['ignore', 'pipe', 'ignore'] });
    if (exec.stdout !== null) await once(exec.stdout, 'data');
    session.signal(15);
    expect(await exec.expect('exited')).to.include({ status: 3 });
    expect(await session.expect('exited')).to.include({ status: 0 });
  });

  it('relays megabytes both ways without a difference', async () => {
    await using _running = await startZone(zone.plan(['sleep', '1000']));
    const bytes = randomBytes(5_000_000);
    const session = spawnSession('enter', zone.enter(['cat']), { stdio: ['pipe', 'pipe', 'inherit'] });
    session.stdin?.end(bytes);
    const back = session.stdout === null ? Buffer.alloc(0) : await buffer(session.stdout);
    expect(createHash('sha256').update(back).digest('hex')).to.equal(createHash('sha256').update(bytes).digest('hex'));
    await session.expect('exited');
  });

  it('hands the caller descriptors to the command in mode attach', async () => {
    await using _running = await startZone(zone.plan(['sleep', '1000']));
    const session = spawnSession('enter', zone.enter(['sh', '-c', 'cat; echo out'], { stdio: 'attach' }), {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    session.stdin?.end('in\n');
    expect(session.stdout === null ? '' : await text(session.stdout)).to.equal('in\nout\n');
    expect(await session.exited).to.equal(0);
  });

  it('works off its exit list: groups below, links, files', async function () {
    const parent = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((path) => existsSync(join(path, 'cgroup.procs')));
    if (parent === undefined) return this.skip();
    const group = join(parent, `tszone-helper-exit-${process.pid}`);
    mkdirSync(join(group, 'a/b'), { recursive: true });
    const file = join(zone.path, 'file');
    writeFileSync(file, '');
    await output([
      { op: 'cgroup.join', path: join(group, 'a/b/cgroup.procs') },
      ...zone.plan(['id']).flatMap((op): EnterOp[] => (op.op === 'sync.maps' ? [{ op: 'cgroup.enter' }, op] : [op])),
      { op: 'exit.unlink', path: join(zone.path, 'not-there') },
      { op: 'exit.rmtree', path: group },
      { op: 'exit.unlink', path: file },
    ]);
    expect(existsSync(group)).to.equal(false);
    expect(existsSync(file)).to.equal(false);
  });
});
