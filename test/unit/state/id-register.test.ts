import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { idsPerZone, leaseIds, pruneIds, releaseIds, renameIds } from '../../../src/state/index.js';

describe('the register of id ranges', () => {
  let directory: string;
  const roots = { root: '/nowhere/a', runRoot: '/nowhere/run', instance: 'aaaaaa' };
  const other = { ...roots, root: '/nowhere/b' };
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-ids-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('gives ranges that never overlap, over all roots', async () => {
    const ranges = [];
    for (const [one, zone] of [
      [roots, 'a'],
      [roots, 'b'],
      [other, 'a'],
    ] as const)
      ranges.push(await leaseIds(one, zone, { directory }));
    expect(new Set(ranges.map(({ base }) => base)).size).to.equal(3);
    expect(ranges.every(({ base, count }) => base % idsPerZone === 0 && count === idsPerZone)).to.equal(true);
  });

  it('gives a zone the range that it has', async () => {
    expect(await leaseIds(roots, 'a', { directory })).to.deep.equal(await leaseIds(roots, 'a', { directory }));
  });

  it('gives a freed range to the next', async () => {
    const freed = await leaseIds(roots, 'b', { directory });
    await releaseIds(roots, 'b', directory);
    expect(await leaseIds(other, 'new', { directory })).to.deep.equal(freed);
  });

  it('moves a range to a new name', async () => {
    const before = await leaseIds(roots, 'a', { directory });
    await renameIds(roots, 'a', 'z', directory);
    expect(await leaseIds(roots, 'z', { directory })).to.deep.equal(before);
  });

  it('forgets ranges whose zones are gone', async () => {
    expect(await pruneIds(directory)).to.equal(3);
    expect(await pruneIds(directory)).to.equal(0);
  });

  it('takes releasing nothing for success', () => releaseIds(roots, 'never', directory));
});
