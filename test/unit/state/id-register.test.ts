import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { idLedger } from '../../../src/state/id-register-file.js';
import { claimIds, idsPerZone, leaseIds, pruneIds, releaseIds, renameIds } from '../../../src/state/index.js';
import { farIds } from '../../helpers/far-ids.js';

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

  it('gives zones that hold zones several blocks in one, which overlap with nobody else’s', async () => {
    const nested = { userns: { kind: 'auto' }, privileged: false, nesting: true } as const;
    const count = 16 * idsPerZone;
    const lease = (zone: string, ids?: typeof nested) => leaseIds(roots, `n-${zone}`, { directory, ids });
    const ranges = [await lease('a', nested), await lease('b'), await lease('c', nested), await lease('d')];
    expect(ranges.map((range) => range.count)).to.deep.equal([count, idsPerZone, count, idsPerZone]);
    await releaseIds(roots, 'n-b', directory);
    // What one has left is too small for many.
    ranges.push(await lease('e', nested), await lease('f'));
    const held = ranges.filter((_, index) => index !== 1).toSorted((a, b) => a.base - b.base);
    for (const [index, { base }] of held.slice(1).entries()) {
      const before = held[index];
      expect(base).to.be.at.least((before?.base ?? 0) + (before?.count ?? 0));
    }
    expect(await lease('a', nested)).to.deep.equal(ranges[0]);
    for (const zone of ['a', 'c', 'd', 'e', 'f']) await releaseIds(roots, `n-${zone}`, directory);
  });

  it('a zone that is to hold zones from now on, or no longer, gets another range, the old one being free', async () => {
    const nested = { userns: { kind: 'auto' }, privileged: false, nesting: true } as const;
    const few = await leaseIds(roots, 'grows', { directory });
    const many = await claimIds(roots, 'grows', few, { directory, ids: nested });
    expect(many.count).to.equal(16 * few.count);
    expect(await claimIds(roots, 'grows', many, { directory, ids: nested })).to.deep.equal(many);
    expect(await claimIds(roots, 'grows', many, { directory })).to.deep.equal(few);
    await releaseIds(roots, 'grows', directory);
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

  it('loses nothing of what is given and given back at once', async () => {
    const zones = Array.from({ length: 40 }, (_, at) => `z${at}`);
    for (let round = 0; round < 5; round += 1) {
      const ranges = await Promise.all(zones.map((zone) => leaseIds(roots, zone, { directory })));
      expect(new Set(ranges.map(({ base }) => base)).size).to.equal(zones.length);
      // Beside it is whatever the other tests have left.
      const known = idLedger(directory).refresh().all();
      expect(known.map(({ base }) => base)).to.include.members(ranges.map(({ base }) => base));
      await Promise.all(zones.map((zone) => releaseIds(roots, zone, directory)));
      expect(
        idLedger(directory)
          .refresh()
          .all()
          .filter(({ zone }) => /^z\d/.test(zone)),
      ).to.deep.equal([]);
    }
  });

  it('takes releasing nothing for success', () => releaseIds(roots, 'never', directory));
});

describe('the register and what is really there', () => {
  let directory: string;
  let roots: { root: string; runRoot: string; instance: string };
  const nobody = async () => [];
  const names = async () =>
    idLedger(directory)
      .refresh()
      .all()
      .map(({ zone }) => zone)
      .sort();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-ids-'));
    roots = { root: join(directory, 'root'), runRoot: join(directory, 'run'), instance: 'aaaaaa' };
    for (const zone of ['here', 'gone']) {
      await mkdir(join(roots.root, 'zones', zone), { recursive: true });
      await leaseIds(roots, zone, { directory });
    }
    await rm(join(roots.root, 'zones', 'gone'), { recursive: true });
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('forgets a zone that is gone, and says which', async () => {
    const [{ base, ...pruned } = { base: 0 }, ...more] = await pruneIds({ directory, usedIds: nobody });
    expect([pruned, more]).to.deep.equal([{ root: roots.root, zone: 'gone', count: idsPerZone }, []]);
    expect(base).to.be.greaterThan(0);
    expect(await names()).to.deep.equal(['here']);
    expect(await pruneIds({ directory, usedIds: nobody })).to.deep.equal([]);
  });

  it('forgets no range that a process has', async () => {
    const { base } = await leaseIds(roots, 'gone', { directory });
    for (const id of [base, base + idsPerZone - 1])
      expect(await pruneIds({ directory, usedIds: async () => [id] })).to.deep.equal([]);
    expect(await pruneIds({ directory, usedIds: async () => [base - 1, base + idsPerZone] })).to.have.length(1);
  });

  it('forgets no zone that is being made or deleted', async () => {
    await mkdir(join(roots.root, 'journal'));
    await writeFile(join(roots.root, 'journal', 'gone.json'), '{}');
    expect(await pruneIds({ directory, usedIds: nobody })).to.deep.equal([]);
  });

  it('forgets the zones of a root that is gone, but not of one that is not mounted now', async () => {
    await rm(roots.root, { recursive: true });
    const file = join(directory, 'ranges.jsonl');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(/"mount":"[^"]*"/g, `"mount":"${join(directory, 'disk')}"`));
    expect(await pruneIds({ directory, usedIds: nobody })).to.deep.equal([]);
    await writeFile(file, text.replaceAll(/,"mount":"[^"]*"/g, ''));
    expect(await pruneIds({ directory, usedIds: nobody })).to.deep.equal([]);
    await writeFile(file, text);
    expect(await pruneIds({ directory, usedIds: nobody })).to.have.length(2);
  });

  it('takes an empty directory for a root that is not mounted', async () => {
    await rm(roots.root, { recursive: true });
    await mkdir(roots.root);
    expect(await pruneIds({ directory, usedIds: nobody })).to.deep.equal([]);
  });

  it('sees the ids of real processes', async () => {
    const { base } = await claimIds(roots, 'gone', farIds, { directory });
    expect(base).to.equal(farIds.base);
    const child = spawn('sleep', ['30'], { uid: base + 7, gid: base + 7 });
    await once(child, 'spawn');
    try {
      expect(await pruneIds({ directory })).to.deep.equal([]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(await pruneIds({ directory })).to.have.length(1);
  });

  it('is not touched when a zone claims what it has', async () => {
    const range = await leaseIds(roots, 'here', { directory });
    const before = await stat(join(directory, 'ranges.jsonl'), { bigint: true });
    await rm(join(directory, 'lock'));
    expect(await claimIds(roots, 'here', range, { directory })).to.deep.equal(range);
    expect((await stat(join(directory, 'ranges.jsonl'), { bigint: true })).mtimeNs).to.equal(before.mtimeNs);
    expect(await readdir(directory)).to.not.include('lock');
  });

  it('gives a zone that it has forgotten its range again, if nobody has it', async () => {
    const range = await leaseIds(roots, 'here', { directory });
    await releaseIds(roots, 'here', directory);
    expect(await claimIds(roots, 'here', range, { directory })).to.deep.equal(range);
    expect(await leaseIds(roots, 'here', { directory })).to.deep.equal(range);
  });

  it('gives it another if somebody has', async () => {
    const range = await leaseIds(roots, 'here', { directory });
    await releaseIds(roots, 'here', directory);
    expect(await leaseIds(roots, 'thief', { directory })).to.deep.equal(range);
    const claimed = await claimIds(roots, 'here', range, { directory });
    expect(claimed.base).to.not.equal(range.base);
    expect(await leaseIds(roots, 'here', { directory })).to.deep.equal(claimed);
  });

  it('lets the record count when both differ', async () => {
    const range = await leaseIds(roots, 'here', { directory });
    const other = { base: range.base + 100 * idsPerZone, count: idsPerZone };
    expect(await claimIds(roots, 'here', other, { directory })).to.deep.equal(other);
    expect(await names()).to.deep.equal(['gone', 'here']);
  });
});
