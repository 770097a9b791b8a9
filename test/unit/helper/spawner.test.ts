import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { flockFd, runSubvolume } from '../../../src/helper/index.js';
import { giveSpawner, type Spawner, spawner } from '../../../src/helper/spawner.js';
import { isAlive } from '../../helpers/alive.js';
import { runProgram } from '../../helpers/cli.js';
import { eventually, patience } from '../../helpers/patience.js';
import { requires } from '../../helpers/requires.js';

/** Our children that are spawners, dead ones left out. */
function spawnersOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return stat.includes('(tszone-spawner)') && !/[ZX]/.test(state ?? '') && Number(ppid) === parent
          ? [Number(pid)]
          : [];
      } catch {
        return [];
      }
    });
}

async function required(): Promise<Spawner> {
  const found = await spawner();
  if (found === undefined) throw new Error('the spawner cannot have the descriptors of this process');
  return found;
}

async function pidOfSpawner(): Promise<number> {
  const before = spawnersOf(process.pid);
  await required();
  const [pid, ...others] = await eventually('there is a spawner', () => {
    const found = spawnersOf(process.pid);
    return found.length > 0 && found;
  });
  expect([before.length, others], 'one is enough for all').to.deep.equal([Math.min(before.length, 1), []]);
  return pid ?? -1;
}

/** Its socket is closed a little before it is no more: until then it is still in the list. */
async function killSpawner(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually('the spawner is no more', () => !isAlive(pid));
}

const settled = (work: Promise<unknown>) =>
  work.then(
    (value) => String(value),
    (error: Error) => error.message,
  );

describe('the spawner', () => {
  let directory: string;
  let path: string;
  const open: number[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-spawner-'));
    path = join(directory, 'lock');
  });
  afterEach(() => {
    for (const fd of open.splice(0)) closeSync(fd);
    rmSync(directory, { recursive: true });
  });

  const handle = () => {
    const fd = openSync(path, 'a');
    open.push(fd);
    return fd;
  };
  const close = (fd: number) => closeSync(open.splice(open.indexOf(fd), 1)[0] ?? -1);
  /** As another program sees it. */
  const isFree = async () => (await runProgram('flock', ['-n', path, 'true'])).status === 0;

  it('takes a lock that is free, and says of one that is not', async () => {
    const locker = await required();
    const first = handle();
    expect(await locker.lock(first, 0)).to.equal(true);
    expect(await isFree()).to.equal(false);
    expect(await locker.lock(handle(), 0)).to.equal(false);
    expect(await locker.lock(handle(), 30)).to.equal(false);
    expect(await locker.lock(first, 0), 'its own, once more').to.equal(true);
  });

  it('has no part in a lock: it is free when its descriptor is closed', async () => {
    const locker = await required();
    for (let round = 0; round < 200; round += 1) {
      const fd = handle();
      expect(await locker.lock(fd, 0), `round ${round}`).to.equal(true);
      close(fd);
    }
    expect(await isFree()).to.equal(true);
  });

  it('serves those who wait in their order, each when the one before has let go', async () => {
    const locker = await required();
    const first = handle();
    await locker.lock(first, 0);
    const order: number[] = [];
    const waiting = [1, 2, 3, 4].map((number) => ({ number, fd: handle() }));
    const all: Promise<void>[] = [];
    for (const { number, fd } of waiting) {
      all.push(
        locker.lock(fd, 20_000).then((isLocked) => {
          expect(isLocked).to.equal(true);
          order.push(number);
          close(fd);
        }),
      );
      // In the kernel's queue before the next one comes.
      await eventually(
        'it waits',
        () =>
          readFileSync('/proc/locks', 'utf8')
            .split('\n')
            .filter((line) => line.includes(`-> FLOCK`) && line.includes(`:${inodeOf()} `)).length === number,
      );
    }
    close(first);
    await Promise.all(all);
    expect(order).to.deep.equal([1, 2, 3, 4]);
    expect(await isFree()).to.equal(true);
  });
  const inodeOf = () => readFileSync(`/proc/self/fdinfo/${open[0]}`, 'utf8').match(/ino:\s*(\d+)/)?.[1] ?? '';

  it('gives up a wait that is aborted, and takes nothing', async () => {
    const locker = await required();
    const first = handle();
    await locker.lock(first, 0);
    const stop = new AbortController();
    const waiting = settled(locker.lock(handle(), 20_000, stop.signal));
    stop.abort(new Error('enough'));
    expect(await waiting).to.equal('enough');
    close(first);
    expect(await isFree()).to.equal(true);
    expect(await settled(locker.lock(handle(), 0, stop.signal))).to.equal('enough');
  });

  it('does a step of btrfs, and gives what it has said', async () => {
    const { status, said } = await runSubvolume(['read-only', join(directory, 'none')]);
    expect([status, JSON.parse(said)]).to.deep.equal([
      1,
      { error: 'open the subvolume: No such file or directory', errno: 2 },
    ]);
    expect((await runSubvolume(['snapshot'])).status).to.equal(2);
  });

  it('says what is wrong with a descriptor', async () => {
    expect(await settled((await required()).lock(999, 0))).to.match(/locking file descriptor 999 failed: 9/);
  });

  it('may die: the lock stays with its descriptor, and the next one is taken by another', async () => {
    const fd = handle();
    expect(await flockFd(fd, 0)).to.equal(true);
    const pid = await pidOfSpawner();
    const { ended } = await required();
    await killSpawner(pid);
    await ended;
    expect(await isFree()).to.equal(false);
    expect(await flockFd(handle(), 0)).to.equal(false);
    close(fd);
    expect(await flockFd(handle(), 0)).to.equal(true);
    expect(await pidOfSpawner()).not.to.equal(pid);
  });

  it('may die while one waits, or is about to ask: the lock is taken all the same', async () => {
    for (const moment of ['waiting', 'asking'] as const) {
      const pid = await pidOfSpawner();
      const first = handle();
      expect(await flockFd(first, 0)).to.equal(true);
      const wait = () => flockFd(handle(), 20);
      const early = moment === 'waiting' ? wait() : undefined;
      process.kill(pid, 'SIGKILL');
      const isLocked = early ?? wait();
      setTimeout(() => close(first), 50);
      expect(await isLocked, moment).to.equal(true);
      await eventually('the spawner is no more', () => !isAlive(pid));
      for (const fd of open.splice(0)) closeSync(fd);
    }
  });

  it('that is dead says so to who still has it', async () => {
    const dead = await required();
    const pid = await pidOfSpawner();
    await killSpawner(pid);
    await dead.ended;
    expect(await dead.lock(handle(), 0)).to.equal(undefined);
    const heard = await new Promise((resolve) => {
      const said: string[] = [];
      dead.launch(
        { mode: 'launch', plan: Buffer.from(''), stdio: ['ignore', 'ignore', 'ignore'] },
        {
          data: () => said.push('data'),
          closed: () => said.push('closed'),
          exited: (status) => resolve([...said, status]),
        },
      );
    });
    expect(heard).to.deep.equal(['closed', 125]);
  });

  it('that was given is taken only if it is a child of this process and lives; else there is another', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    await new Promise((resolve) => child.once('exit', resolve));
    for (const pid of [1, child.pid ?? -1]) {
      const before = await required();
      await killSpawner(await pidOfSpawner());
      await before.ended;
      giveSpawner({ pid, fd: openSync('/dev/null', 'r+') });
      expect(await flockFd(handle(), 0)).to.equal(true);
      await pidOfSpawner();
      for (const fd of open.splice(0)) closeSync(fd);
    }
  });

  it('ends with the process that it works for, also when that is killed', async () => {
    const program = `
      import { spawner } from '${fileURLToPath(new URL('../../../src/helper/spawner.ts', import.meta.url))}';
      await spawner();
      console.log('ready');
      setTimeout(() => {}, 60_000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const [pid = -1] = spawnersOf(child.pid ?? -1);
    expect(pid).to.be.greaterThan(0);
    child.kill('SIGKILL');
    await eventually('it has ended', () => !isAlive(pid));
  });

  it('keeps no process from ending by itself', async () => {
    const program = `
      import { spawner } from '${fileURLToPath(new URL('../../../src/helper/spawner.ts', import.meta.url))}';
      console.log((await spawner()) !== undefined);`;
    const { status, stdout } = await runProgram(process.execPath, [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      program,
    ]);
    expect([status, stdout]).to.deep.equal([0, 'true\n']);
  });

  it('is done without where the kernel does not let it have descriptors: locks are taken in the slow way', async function () {
    await requires('strace').call(this);
    const source = (name: string) => fileURLToPath(new URL(`../../../src/helper/${name}.ts`, import.meta.url));
    const program = `
      import { openSync } from 'node:fs';
      import { flockFd } from '${source('tool')}';
      import { spawner } from '${source('spawner')}';
      const [first, second] = [1, 2].map(() => openSync('${path}', 'a'));
      console.log(await spawner(), await flockFd(first, 0), await flockFd(second, 0));`;
    const { stdout, stderr } = await runProgram('strace', [
      ...['-f', '-q', '-o', '/dev/null', '-e', 'trace=pidfd_getfd', '-e', 'inject=pidfd_getfd:error=EPERM'],
      ...[process.execPath, '--import', 'tsx', '--input-type=module', '-e', program],
    ]);
    expect(`${stdout}${stderr}`).to.equal('undefined true false\n');
  }).timeout(patience(30_000));
});
