import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { inodesFor, makeExt4, readSuperblock, resizeExt4 } from '../../../src/storage/ext4.js';
import { requires } from '../../helpers/requires.js';

const mebibyte = 1024 ** 2;

describe('the number of inodes of an ext4', () => {
  it('is the most that there can be without exceeding the bound', () => {
    for (const [bytes, bound] of [
      [64 * mebibyte, 1000],
      [1024 * mebibyte, 1000],
      [10_240 * mebibyte, 123_456],
    ] as const) {
      const groups = Math.ceil(bytes / (128 * mebibyte));
      const inodes = inodesFor(bytes, bound);
      expect(inodes - 11).to.be.within(bound - 16 * groups, bound);
      expect(inodes % (16 * groups)).to.equal(0);
    }
  });

  it('is refused below what every group has, with the least that is possible', () => {
    try {
      inodesFor(10_240 * mebibyte, 500);
      expect.fail('it was not refused');
    } catch (error) {
      expect(hasCode(error, 'POOL_CANNOT') && error.hint).to.include('--inodes 1269');
      expect(inodesFor(10_240 * mebibyte, 1269)).to.equal(1280);
    }
  });
});

describe('an ext4 in a file', () => {
  let directory: string;
  const file = () => join(directory, 'image');
  const blanks = () => join(directory, 'blanks');

  before(requires('loop'));
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-ext4-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('takes next to nothing at first, whatever its size', async () => {
    await makeExt4(file(), 10_240 * mebibyte, {}, blanks());
    const { size, blocks } = statSync(file());
    expect(size).to.equal(10_240 * mebibyte);
    expect(blocks * 512).to.be.lessThan(mebibyte);
    await makeExt4(`${file()}-copy`, 10_240 * mebibyte, {}, blanks());
    expect(statSync(`${file()}-copy`).blocks).to.be.at.most(blocks);
  });

  it('says its size, its inodes, and what is used of both', async () => {
    await makeExt4(file(), 64 * mebibyte, { inodes: 1000 }, blanks());
    const { bytes, usedBytes, inodes, usedInodes, hasErrors } = await readSuperblock(file());
    expect([bytes, inodes, usedInodes, hasErrors]).to.deep.equal([64 * mebibyte, 997, 0, false]);
    expect(usedBytes).to.be.within(mebibyte, 8 * mebibyte);
  });

  it('becomes larger and smaller, but not smaller than what it holds', async () => {
    await makeExt4(file(), 64 * mebibyte, {}, blanks());
    for (const size of [128, 32]) {
      await resizeExt4(file(), size * mebibyte);
      expect((await readSuperblock(file())).bytes).to.equal(size * mebibyte);
      expect(statSync(file()).size).to.equal(size * mebibyte);
    }
    const refused = await resizeExt4(file(), mebibyte).catch((error: unknown) => error);
    expect(hasCode(refused, 'POOL_CANNOT')).to.equal(true);
  });

  it('becomes larger than its tables are reserved for', async () => {
    await makeExt4(file(), 128 * mebibyte, {}, blanks());
    for (const size of [40 * 1024, 200 * 1024]) {
      await resizeExt4(file(), size * mebibyte);
      expect((await readSuperblock(file())).bytes).to.equal(size * mebibyte);
      expect(spawnSync('e2fsck', ['-fn', file()]).status).to.equal(0);
    }
  });
});
