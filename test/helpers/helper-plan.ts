/** A plan by hand for tests of the helper: a busybox root in a temporary directory, without network and groups. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EnterOp, type HelperSession, initPath, spawnSession } from '../../src/helper/index.js';
import { patientRemoval } from './patience.js';

const applets = [
  'sh',
  'id',
  'ls',
  'cat',
  'sleep',
  'mount',
  'umount',
  'ps',
  'kill',
  'touch',
  'stty',
  'tty',
  'hostname',
  'setsid',
  'mkdir',
];
export const idBase = 700_000;

export interface PlanOptions {
  readonly stdio?: 'log' | 'relay' | 'pty';
  /** Host-side ops put in front. */
  readonly host?: readonly EnterOp[];
  /** Ops before the pivot. */
  readonly mounts?: readonly EnterOp[];
  /** Without the tiny init the command is pid 1. */
  readonly withoutInit?: boolean;
}

/** Where one test's zone lives; removed with it. */
export class ZoneDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tszone-helper-'));
  readonly run = join(this.path, 'run');
  readonly socket = join(this.run, 'sock');

  constructor() {
    const directories = [
      'lower/bin',
      'lower/dev',
      'lower/proc',
      'lower/etc',
      'lower/tmp',
      'lower/mnt',
      'rw/upper',
      'rw/work',
    ];
    for (const name of [...directories, 'run/staging']) mkdirSync(join(this.path, name), { recursive: true });
    chmodSync(this.path, 0o755);
    chmodSync(this.run, 0o700);
    const busybox = ['/bin/busybox', '/usr/bin/busybox'].find(existsSync) ?? '/bin/busybox';
    copyFileSync(busybox, join(this.path, 'lower/bin/busybox'));
    chmodSync(join(this.path, 'lower/bin/busybox'), 0o755);
    for (const applet of applets) symlinkSync('busybox', join(this.path, 'lower/bin', applet));
  }

  readJson(name: string): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.run, name), 'utf8')) as Record<string, unknown>;
  }

  plan(argv: readonly string[], options: PlanOptions = {}): EnterOp[] {
    const end: EnterOp[] = [
      { op: 'env.set', assignment: 'PATH=/bin' },
      { op: 'cwd', path: '/' },
      { op: 'exec.path', argv },
    ];
    const init: EnterOp[] = options.withoutInit === true ? [] : [{ op: 'init.fork', slot: 'init', argv: ['init'] }];
    return [
      ...(options.host ?? []),
      ...this.#hostSide(options.stdio ?? 'relay'),
      { op: 'uts.hostname', name: 'fixture' },
      { op: 'sync.maps' },
      { op: 'ns.unshare', flags: 'net,ipc' },
      { op: 'sync.created' },
      ...rootOps,
      ...(options.mounts ?? []),
      { op: 'root.pivot' },
      { op: 'sync.go' },
      { op: 'cred.umask', octal: '022' },
      ...init,
      ...end,
    ];
  }

  enter(
    argv: readonly string[],
    options: { stdio?: string; ops?: readonly EnterOp[]; host?: readonly EnterOp[] } = {},
  ): EnterOp[] {
    const { pid, startTime } = this.readJson('running.json');
    return [
      { op: 'ns.flags', flags: 'user,mnt,pid,uts,ipc,net' },
      { op: 'target', pid: String(pid), startTime: String(startTime) },
      { op: 'stdio.mode', mode: options.stdio ?? 'relay' },
      ...(options.host ?? []),
      { op: 'cred.umask', octal: '022' },
      { op: 'env.set', assignment: 'PATH=/bin' },
      ...(options.ops ?? []),
      { op: 'exec.path', argv },
    ];
  }

  #hostSide(stdio: string): EnterOp[] {
    const range = { inside: '0', outside: String(idBase), count: '65536' };
    return [
      { op: 'ns.flags', flags: 'user,mnt,pid,uts' },
      { op: 'ns.uidmap', ...range },
      { op: 'ns.gidmap', ...range },
      { op: 'tree.open', slot: '0', path: join(this.path, 'lower'), flags: 'idmap' },
      { op: 'tree.open', slot: 'u', path: join(this.path, 'rw'), flags: 'idmap' },
      { op: 'tree.open', slot: 'init', path: initPath(), flags: 'readonly' },
      { op: 'root.staging', path: join(this.run, 'staging') },
      { op: 'stdio.mode', mode: stdio },
      { op: 'monitor.lock', path: join(this.run, 'lock') },
      { op: 'monitor.record', path: join(this.run, 'running.json') },
      { op: 'monitor.exit', path: join(this.run, 'exit.json') },
      { op: 'monitor.log', path: join(this.run, 'log'), maxBytes: '4000', files: '2' },
      { op: 'monitor.socket', path: this.socket },
      { op: 'exit.unlink', path: this.socket },
    ];
  }

  /** A test that failed half-way has left its zone: it dies with its monitor. */
  #killMonitor(): void {
    if (!existsSync(join(this.run, 'running.json'))) return;
    const { monitorPid, monitorStartTime } = this.readJson('running.json');
    try {
      const stat = readFileSync(`/proc/${monitorPid}/stat`, 'utf8');
      const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      if (startTime === monitorStartTime) process.kill(Number(monitorPid), 'SIGKILL');
    } catch (error) {
      // It has ended, perhaps just now.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#killMonitor();
    rmSync(this.path, patientRemoval);
  }
}

const rootOps: readonly EnterOp[] = [
  { op: 'root.stage' },
  { op: 'tree.move', slot: '0', name: '0' },
  { op: 'tree.move', slot: 'u', name: 'u' },
  { op: 'overlay.mount', target: 'r', lowers: '0', upper: 'u', options: '' },
  { op: 'root.enter', name: 'r' },
  { op: 'mnt.fs', type: 'proc', target: '/proc', attributes: 'nosuid,nodev,noexec', options: '' },
  { op: 'mnt.fs', type: 'tmpfs', target: '/dev', attributes: 'nosuid', options: 'mode=755,size=64k' },
  { op: 'dev.bind', hostPath: '/dev/null', target: '/dev/null' },
  { op: 'dev.bind', hostPath: '/dev/tty', target: '/dev/tty' },
  {
    op: 'mnt.fs',
    type: 'devpts',
    target: '/dev/pts',
    attributes: 'nosuid,noexec',
    options: 'newinstance,ptmxmode=0666,mode=0620,gid=5',
  },
  { op: 'symlink', text: '/proc/self/fd/1', path: '/dev/stdout' },
  { op: 'console.make' },
];

/** A zone that has been started; ended, with its monitor, at the end of the scope. */
export async function startZone(ops: readonly EnterOp[], stdio: 'ignore' | 'pipe' = 'ignore') {
  const session: HelperSession = spawnSession('launch', ops, { stdio: [stdio, stdio, stdio] });
  const { pid } = await session.expect('created');
  session.go();
  await session.expect('started');
  return {
    session,
    pid,
    async [Symbol.asyncDispose]() {
      session.signal(9);
      await session.exited;
    },
  };
}

/** What the promise rejects with, or `undefined`. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
