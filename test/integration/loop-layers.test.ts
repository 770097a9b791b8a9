/** A loop volume with layers below it: what is mounted for it, and how that ends; how it is made, and how it is known that nobody has written to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { layerDriverOf, type Pool } from '../../src/storage/index.js';
import { isMountPoint, waitForFile } from '../../src/storage/loop-mount.js';
import { outputOf, runProgram } from '../helpers/cli.js';
import { failure } from '../helpers/helper-plan.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

describe('a loop volume over frozen layers', function () {
  this.timeout(patience(60_000));
  let directory: string;
  let pool: Pool;

  before(requires('root', 'loop'));
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-loop-'));
    pool = { name: 'p', driver: 'loop', path: join(directory, 'pool'), mounts: join(directory, 'mounts') };
    for (const name of ['volumes', 'layers']) await mkdir(join(pool.path, name), { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is mounted with them, and unmounted but for what is in use, which is told', async () => {
    const driver = layerDriverOf(pool);
    await driver.create(pool, 'v', { from: [], diskBytes: 32 << 20 });
    for (const layer of ['one', 'two']) {
      const opening = { id: 'v', volume: 'v', layers: [] };
      await driver.open(pool, opening);
      writeFileSync(join(driver.directory(pool, 'v'), 'upper', layer), layer);
      await driver.close(pool, opening);
      await driver.freeze(pool, 'v', layer, {});
    }
    const opening = { id: 'v', volume: 'v', layers: ['two', 'one'] };
    await driver.open(pool, opening);
    const points = driver.mountPoints(pool, opening);
    expect(points.map(isMountPoint)).to.deep.equal([true, true, true]);
    const inUse = openSync(join(driver.layerDirectory(pool, 'two', 'v'), 'two'), 'r');
    try {
      const error = await failure(driver.close(pool, opening));
      expect(hasCode(error, 'ZONE_STATE') && error.message).to.include(join(pool.mounts, 'v-two'));
      expect(points.map(isMountPoint)).to.deep.equal([false, true, false]);
    } finally {
      closeSync(inUse);
      await driver.close(pool, opening);
    }
    expect(points.map(isMountPoint)).to.deep.equal([false, false, false]);
  });

  const fileOf = (volume: string) => join(pool.path, 'volumes', `${volume}.img`);

  /** As a zone that starts does for a moment, when it leaves our mounts behind. That we remove the mount point takes its mount away, too, but not what is open. */
  async function holdVolume(directory: string): Promise<() => Promise<void>> {
    const other = spawn('unshare', ['--mount', 'sh', '-c', `exec 3<${directory}; echo here; read -r end`]);
    await once(other.stdout, 'data');
    return async () => {
      if (other.exitCode !== null) return;
      other.stdin.end('end\n');
      await once(other, 'close');
    };
  }

  it('is mounted as a layer, and shrunk, with all that was written, when whoever still holds it lets go', async () => {
    const driver = layerDriverOf(pool);
    const opening = { id: 'v', volume: 'v', layers: [] };
    await driver.create(pool, 'v', { from: [], diskBytes: 32 << 20 });
    const whileHeld = async (file: string, work: () => Promise<void>) => {
      await driver.open(pool, opening);
      writeFileSync(join(driver.directory(pool, 'v'), 'upper', file), 'written');
      const letGo = await holdVolume(driver.directory(pool, 'v'));
      try {
        await driver.close(pool, opening);
        const working = work();
        await sleep(300);
        await letGo();
        await working;
      } finally {
        await letGo();
      }
    };
    await whileHeld('f', () => driver.resize(pool, 'v', { diskBytes: 24 << 20 }));
    const layer = { id: 'l', layers: ['one'] };
    await whileHeld('g', async () => {
      await driver.freeze(pool, 'v', 'one', {});
      await driver.open(pool, layer);
    });
    try {
      expect(await readdir(driver.layerDirectory(pool, 'one', 'l'))).to.have.members(['f', 'g']);
    } finally {
      await driver.close(pool, layer);
    }
  });

  it('is untouched until it is mounted first, whatever still holds its file', async () => {
    const driver = layerDriverOf(pool);
    await driver.create(pool, 'v', { from: [], diskBytes: 32 << 20 });
    const device = (await outputOf('losetup', ['--find', '--show', fileOf('v')])).trim();
    try {
      expect(await driver.isUntouched(pool, 'v', [])).to.equal(true);
    } finally {
      await outputOf('losetup', ['--detach', device]);
    }
    const opening = { id: 'v', volume: 'v', layers: [] };
    await driver.open(pool, opening);
    const letGo = await holdVolume(driver.directory(pool, 'v'));
    try {
      await driver.close(pool, opening);
      expect(await driver.isUntouched(pool, 'v', []), 'while another mount namespace has it').to.equal(false);
    } finally {
      await letGo();
    }
    expect(await driver.isUntouched(pool, 'v', [])).to.equal(false);
    await driver.resize(pool, 'v', { diskBytes: 24 << 20 });
    expect(await driver.isUntouched(pool, 'v', []), 'after e2fsck').to.equal(false);
    await driver.freeze(pool, 'v', 'one', {});
    expect(await driver.isUntouched(pool, 'v', ['one'])).to.equal(true);
  });

  const looks = async (volume: string) => {
    const { stdout, stderr, status } = await runProgram('e2fsck', ['-f', '-n', fileOf(volume)]);
    expect(status, `${stdout}${stderr}`).to.equal(0);
    const said = await outputOf('dumpe2fs', ['-h', fileOf(volume)]);
    const value = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(said)?.[1];
    return { uuid: value('Filesystem UUID'), seed: value('Checksum seed'), inodes: value('Inode count') };
  };

  it('is a copy of the first of its size, and another file system; one that was damaged is never copied', async () => {
    const driver = layerDriverOf(pool);
    const blanks = join(pool.path, 'blanks');
    for (const volume of ['a', 'b']) await driver.create(pool, volume, { from: [], diskBytes: 32 << 20 });
    const [a, b] = [await looks('a'), await looks('b')];
    expect(b.seed).to.equal(a.seed).and.match(/^0x/);
    expect(b.uuid).to.not.equal(a.uuid);
    await driver.freeze(pool, 'b', 'one', {});
    expect((await looks('b')).seed, 'as large, with as many inodes').to.equal(a.seed);
    await driver.create(pool, 'bounded', { from: [], diskBytes: 32 << 20, inodes: 100 });
    expect(Number((await looks('bounded')).inodes)).to.be.within(90, 111);
    expect((await looks('bounded')).seed).to.not.equal(a.seed);
    for (const name of await readdir(blanks)) {
      const bytes = await readFile(join(blanks, name));
      bytes.fill(0x55, bytes.length - 5000, bytes.length - 4000);
      await writeFile(join(blanks, name), bytes);
    }
    await writeFile(join(blanks, '.left'), 'by a killed command');
    await driver.create(pool, 'c', { from: [], diskBytes: 32 << 20 });
    await driver.create(pool, 'd', { from: [], diskBytes: 32 << 20 });
    const [c, d] = [await looks('c'), await looks('d')];
    expect(c.seed).to.not.equal(a.seed);
    expect(d.seed).to.equal(c.seed);
    expect((await readdir(blanks)).filter((name) => name.startsWith('.'))).to.deep.equal([]);
    const opening = { id: 'd', volume: 'd', layers: [] };
    await driver.open(pool, opening);
    writeFileSync(join(driver.directory(pool, 'd'), 'upper', 'f'), 'written');
    await driver.close(pool, opening);
    // A zone that starts beside this test has a copy of our mounts for a moment.
    await waitForFile(fileOf('d'));
    expect(await looks('d')).to.deep.equal(d);
    expect((await stat(fileOf('d'))).size).to.equal(32 << 20);
  });

  it('of many sizes, the copies that are kept are few', async () => {
    const driver = layerDriverOf(pool);
    for (let size = 16; size < 32; size += 1)
      await driver.create(pool, `v${size}`, { from: [], diskBytes: size << 20 });
    expect((await readdir(join(pool.path, 'blanks'))).length).to.be.within(2, 12);
  });
});
