import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Looked, look } from '../../../src/helper/index.js';
import { readProcess } from '../../../src/state/index.js';
import { eventually } from '../../helpers/patience.js';

function pidOfLooker(): number {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');
  const [pid] = children.filter((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'tszone-look\n');
  return Number(pid);
}

/** `undefined`: it has been closed meanwhile. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

describe('a look at many zones', () => {
  let root: string;
  const started: ChildProcess[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tszone-look-'));
    for (const name of ['a', 'b']) mkdirSync(join(root, name));
  });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
    rmSync(root, { recursive: true });
  });

  async function start(): Promise<{ child: ChildProcess; process: { pid: number; startTime: string } }> {
    const child = spawn('sleep', ['60']);
    started.push(child);
    const pid = child.pid ?? -1;
    return { child, process: { pid, startTime: (await readProcess(pid))?.startTime ?? '' } };
  }

  async function lookAt(
    zones: readonly (readonly [name: string, process?: { pid: number; startTime: string } | undefined])[],
  ): Promise<readonly Looked[]> {
    const place = (file: string) => ({ directory: root, file });
    const found = await look({
      files: [place('one'), place('two'), place('three'), place('four')],
      freezer: place('frozen'),
      zones: zones.map(([name, process]) => ({ name, group: name, process })),
    });
    if (found === undefined) throw new Error('nobody could say');
    return found;
  }

  const filesOf = (one: Looked | undefined) => [0, 1, 2, 3].map((at) => one?.file(at));

  it('tells files as node does, and those that are not there', async () => {
    writeFileSync(join(root, 'a/one'), 'text');
    const { ino, size, mtimeMs, ctimeMs } = statSync(join(root, 'a/one'));
    const [a, b, c] = await lookAt([['a'], ['b'], ['no-such-zone']]);
    expect(filesOf(a)).to.deep.equal([{ ino, size, mtimeMs, ctimeMs }, 'none', 'none', 'none']);
    for (const one of [b, c]) expect(filesOf(one)).to.deep.equal(['none', 'none', 'none', 'none']);
  });

  it('tells who lives by pid and start time, each time anew', async () => {
    const { child, process } = await start();
    const isAlive = async (one: { pid: number; startTime: string }) => (await lookAt([['a', one]]))[0]?.isAlive;
    for (const _ of [1, 2]) expect(await isAlive(process)).to.equal(true);
    expect(await isAlive({ ...process, startTime: `${Number(process.startTime) + 1}` }), 'of another time').to.equal(
      false,
    );
    expect(await isAlive(process)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    for (const _ of [1, 2]) expect(await isAlive(process)).to.equal(false);
  });

  it('takes a zombie for dead', async () => {
    // Its parent never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    started.push(parent);
    const [line] = (await once(parent.stdout ?? parent, 'data')) as [Buffer];
    const pid = Number(String(line));
    const startTime = (await readProcess(pid))?.startTime ?? '';
    expect((await lookAt([['a', { pid, startTime }]]))[0]?.isAlive).to.equal(true);
    // The shell that it still is would.
    await eventually('it is no shell', () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
    process.kill(pid, 'SIGKILL');
    await eventually('it is a zombie', async () => (await readProcess(pid))?.state === 'Z');
    expect((await lookAt([['a', { pid, startTime }]]))[0]?.isAlive).to.equal(false);
  });

  it('tells who is frozen, by either hierarchy', async () => {
    const { process } = await start();
    const isFrozen = async () => (await lookAt([['a', process]]))[0]?.isFrozen;
    expect(await isFrozen(), 'no such file').to.equal(false);
    for (const [text, expected] of [
      ['THAWED\n', false],
      ['FROZEN\n', true],
      ['FREEZING\n', false],
      ['populated 1\nfrozen 1\n', true],
      ['populated 1\nfrozen 0\n', false],
    ] as const) {
      writeFileSync(join(root, 'a/frozen'), text);
      expect(await isFrozen(), text).to.equal(expected);
    }
  });

  it('looks at the files of a start that is over only where nothing lives', async () => {
    const { process } = await start();
    writeFileSync(join(root, 'a/three'), 'text');
    const [alive] = await lookAt([['a', process]]);
    expect(filesOf(alive).slice(1)).to.deep.equal(['unknown', 'unknown', 'unknown']);
    const [dead] = await lookAt([['a']]);
    expect(dead?.file(2)).to.have.property('size', 4);
  });

  it('keeps no descriptor of what has ended, or is not asked about any more', async () => {
    const { child, process } = await start();
    const other = await start();
    writeFileSync(join(root, 'a/frozen'), 'THAWED\n');
    // Directories of a look are closed behind its answer.
    const count = () => {
      const fds = `/proc/${pidOfLooker()}/fd`;
      const targets = readdirSync(fds).map((fd) => targetOf(join(fds, fd)));
      return targets.filter((target) => target !== undefined && target !== realpathSync(root)).length;
    };
    await lookAt([]);
    const before = count();
    await lookAt([
      ['a', process],
      ['b', other.process],
    ]);
    expect(count()).to.equal(before + 3);
    await lookAt([['a', process]]);
    expect(count()).to.equal(before + 2);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await lookAt([['a', process]]);
    expect(count()).to.equal(before);
  });

  it('is told of a thousand', async () => {
    const { process: one } = await start();
    const found = await lookAt(
      Array.from({ length: 1000 }, (_, n) => [`z${n}`, n % 2 === 0 ? one : undefined] as const),
    );
    expect(found.map(({ isAlive }) => isAlive)).to.deep.equal(Array.from({ length: 1000 }, (_, n) => n % 2 === 0));
  });
});
