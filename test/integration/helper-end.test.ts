/** The end of a zone whose caller is gone or does not take its output, or whose socket is crowded. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  attachConsole,
  type EnterOp,
  encodePlan,
  type HelperSession,
  helperPath,
  sendSignal,
  spawnSession,
  waitForExit,
} from '../../src/helper/index.js';
import { isAlive } from '../helpers/alive.js';
import { failure, startZone, ZoneDirectory } from '../helpers/helper-plan.js';
import { eventually, patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

/** A named pipe, of 64 KB as each is, both of whose ends are ours. */
class Fifo implements Disposable {
  readonly fd: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    spawnSync('mkfifo', [path]);
    this.fd = openSync(path, constants.O_RDWR);
  }

  /** Bytes and different lines, until nobody can write any more. */
  async readAll(): Promise<{ bytes: number; lines: Set<string> }> {
    const stream = createReadStream(this.#path);
    await once(stream, 'open');
    this[Symbol.dispose]();
    let bytes = 0;
    const lines = new Set<string>();
    stream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    for await (const line of createInterface({ input: stream })) lines.add(line);
    return { bytes, lines };
  }

  #isOpen = true;
  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}

async function startInto(fd: number, ops: readonly EnterOp[]): Promise<HelperSession> {
  const session = spawnSession('launch', ops, { stdio: ['ignore', fd, 'ignore'] });
  await session.expect('created');
  session.go();
  await session.expect('started');
  return session;
}

const isFree = (lock: string) => spawnSync('flock', ['-n', lock, 'true']).status === 0;

/** A pipe is full when its writer sleeps in it. */
function isBlockedWriting(pid: number): boolean {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.some((child) => /pipe_w/.test(readFileSync(`/proc/${child}/wchan`, 'utf8')));
}

function isAsleep(pid: number | undefined): boolean {
  return /^State:\tS/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** For good, both pipes are full: the monitor has run since the command's is, and waits for who reads its own. */
async function isStuck(pid: number, monitor: number | undefined): Promise<boolean> {
  for (let look = 0; look < 10; look += 1) {
    if (!isBlockedWriting(pid) || !isAsleep(monitor)) return false;
    await sleep(20);
  }
  return true;
}

describe('the end of a zone', () => {
  let zone: ZoneDirectory;
  before(requires('root', 'overlay', 'busybox'));
  beforeEach(() => {
    zone = new ZoneDirectory();
  });
  afterEach(() => zone[Symbol.dispose]());

  describe('whose caller has stopped reading', () => {
    const endless = ['sh', '-c', 'while :; do echo 0123456789abcdef; done'];

    it('waits neither with its record, nor its waiters, nor its lock; the reader loses nothing', async () => {
      using fifo = new Fifo(join(zone.path, 'fifo'));
      const session = await startInto(fifo.fd, zone.plan(endless));
      const { pid } = await session.expect('created');
      await eventually('the command is stuck', () => isStuck(pid, session.pid));
      const ended = waitForExit(zone.socket);
      await sendSignal(zone.socket, 9);
      expect(await ended).to.include({ status: 137 });
      await eventually('the lock is free', () => isFree(join(zone.run, 'lock')));
      expect(zone.readJson('exit.json')).to.include({ status: 137 });
      expect(existsSync(zone.socket)).to.equal(false);
      const { bytes, lines } = await fifo.readAll();
      expect(await session.exited).to.equal(137);
      expect(bytes).to.be.greaterThan(64 * 1024);
      lines.delete('0123456789abcdef');
      expect(lines.size, 'but the last line, all are whole').to.be.lessThan(2);
    });

    it('gives a slow one all that the command had written when it ended', async () => {
      using fifo = new Fifo(join(zone.path, 'fifo'));
      const script = 'i=0; while [ $i -lt 1200 ]; do printf "%099d\\n" $i; i=$((i+1)); done';
      const session = await startInto(fifo.fd, zone.plan(['sh', '-c', script]));
      await eventually('it has ended', () => existsSync(join(zone.run, 'exit.json')));
      await eventually('the lock is free', () => isFree(join(zone.run, 'lock')));
      const { bytes, lines } = await fifo.readAll();
      expect(await session.expect('exited')).to.include({ status: 0 });
      expect(bytes).to.equal(120_000);
      expect(lines.size).to.equal(1200);
      expect([...lines].at(-1)).to.match(/0001199$/);
    });

    it('starts anew while the old output still waits', async () => {
      using fifo = new Fifo(join(zone.path, 'fifo'));
      const first = await startInto(fifo.fd, zone.plan(endless));
      const { pid } = await first.expect('created');
      await eventually('the command is stuck', () => isStuck(pid, first.pid));
      const ended = waitForExit(zone.socket);
      await sendSignal(zone.socket, 9);
      await ended;
      await eventually('the lock is free', () => isFree(join(zone.run, 'lock')));
      {
        await using second = await startZone(zone.plan(['sleep', '1000']));
        expect(second.pid).to.not.equal(pid);
      }
      await fifo.readAll();
      expect(await first.exited).to.equal(137);
    });

    it('ends at once when the caller goes', async () => {
      using fifo = new Fifo(join(zone.path, 'fifo'));
      const session = await startInto(fifo.fd, zone.plan(endless));
      const { pid } = await session.expect('created');
      await eventually('the command is stuck', () => isStuck(pid, session.pid));
      await sendSignal(zone.socket, 9);
      await eventually('the lock is free', () => isFree(join(zone.run, 'lock')));
      session.detach();
      await eventually('the monitor is gone', () => !existsSync(`/proc/${session.pid}/cwd`));
    });
  });

  it('leaves alone what is listed for it when the caller had died before there was a lock: that may be of the next start', async () => {
    const marker = join(zone.path, 'marker');
    writeFileSync(marker, '');
    const child = spawn(helperPath(), ['launch'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    const [plan, events] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
    events.destroy();
    await once(events, 'close');
    plan.end(encodePlan([...zone.plan(['sleep', '1000']), { op: 'exit.unlink', path: marker }]));
    expect((await ended)[0]).to.equal(125);
    expect(existsSync(marker)).to.equal(true);
    for (const name of ['lock', 'running.json']) expect(existsSync(join(zone.run, name)), name).to.equal(false);
  });

  it('comes with that of a caller who has tied it to himself, and what follows follows', async () => {
    const marker = join(zone.path, 'marker');
    const plan = [
      ...zone.plan(['sleep', '1000'], { stdio: 'log' }),
      { op: 'exit.spawn', argv: ['touch', marker] } as const,
    ];
    const { session, pid } = await startZone(plan);
    session.tie();
    session.detach();
    await eventually('pid 1 is dead', () => !isAlive(pid));
    await eventually('the last command ran', () => existsSync(marker));
    expect(zone.readJson('exit.json')).to.include({ status: 137 });
  });

  it('comes after 100 MB for a reader that lives', async function () {
    this.timeout(patience(120_000));
    using fifo = new Fifo(join(zone.path, 'fifo'));
    const line = 'abcdefghi'.repeat(111);
    const session = await startInto(
      fifo.fd,
      zone.plan(['sh', '-c', `busybox yes ${line} | busybox head -c 100000000`]),
    );
    const reading = fifo.readAll();
    expect(await session.expect('exited')).to.include({ status: 0 });
    const { bytes, lines } = await reading;
    expect(bytes).to.equal(100_000_000);
    expect([...lines]).to.deep.equal([line]);
  });

  describe('on whose socket there is a crowd', () => {
    const forever = ['sleep', '1000'];
    const crowd = 100;

    it('hears a stop behind those that wait, who all learn of the end', async () => {
      const session = await start(zone.plan(forever));
      const waiting = Array.from({ length: crowd }, () => waitForExit(zone.socket));
      await eventually('some wait', async () => (await statusOf(zone.socket)).clients > 36);
      await sendSignal(zone.socket, 15);
      const ends = (await Promise.all(waiting)).filter((end) => end !== undefined);
      expect(await session.exited).to.equal(143);
      expect(ends, 'the others saw that the monitor has gone').to.have.lengthOf.at.least(36);
      for (const end of ends) expect(end).to.include({ status: 143 });
    });

    it('hears a stop behind those that say nothing', async () => {
      const session = await start(zone.plan(forever));
      const silent: Socket[] = [];
      while (silent.length < crowd) silent.push(await connected(zone.socket));
      await sendSignal(zone.socket, 15);
      expect(await session.exited).to.equal(143);
      for (const socket of silent) socket.destroy();
    });

    it('refuses the console to one too many by name', async () => {
      const session = await start(zone.plan(['sh'], { stdio: 'pty' }));
      const consoles = await Promise.all(Array.from({ length: 8 }, () => attachConsole(zone.socket)));
      expect(await failure(attachConsole(zone.socket))).to.have.property('code', 'ZONE_STATE');
      await sendSignal(zone.socket, 9);
      expect(await session.exited).to.equal(137);
      for (const one of consoles) one.destroy();
    });
  });
});

async function start(ops: readonly EnterOp[]): Promise<HelperSession> {
  const { session } = await startZone(ops);
  return session;
}

/** unix(7): EAGAIN while the listener's backlog is full. */
async function connected(path: string): Promise<Socket> {
  return eventually('the monitor takes a client', async () => {
    const socket = createConnection({ path });
    const connection = once(socket, 'connect').then(
      () => socket,
      () => undefined,
    );
    socket.on('error', () => {});
    return connection;
  });
}

async function statusOf(path: string): Promise<{ clients: number }> {
  const socket = await connected(path);
  try {
    socket.write('status\n');
    const [line] = (await once(createInterface({ input: socket }), 'line')) as [string];
    return JSON.parse(line) as { clients: number };
  } finally {
    socket.destroy();
  }
}
