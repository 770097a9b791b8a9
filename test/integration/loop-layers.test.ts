/** A loop volume with layers below it: what is mounted for it, and how that ends; how it is made, and how it is known that nobody has written to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { layerDriverOf, type Pool } from '../../src/storage/index.js';
import { isMountPoint } from '../../src/storage/loop-mount.js';
import { outputOf } from '../helpers/cli.js';
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
    const other = spawn('unshare', ['--mount', 'sh', '-c', 'echo here; read -r end']);
    try {
      await once(other.stdout, 'data');
      await driver.close(pool, opening);
      expect(await driver.isUntouched(pool, 'v', []), 'while another mount namespace has it').to.equal(false);
    } finally {
      other.stdin.end('end\n');
      await once(other, 'close');
    }
    expect(await driver.isUntouched(pool, 'v', [])).to.equal(false);
    await driver.resize(pool, 'v', { diskBytes: 24 << 20 });
    expect(await driver.isUntouched(pool, 'v', []), 'after e2fsck').to.equal(false);
    await driver.freeze(pool, 'v', 'one', {});
    expect(await driver.isUntouched(pool, 'v', ['one'])).to.equal(true);
  });
});
