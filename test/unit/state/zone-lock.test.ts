import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { acquireZoneLock, type Roots, writeZone, zonePaths } from '../../../src/state/index.js';
import { aRecord } from './records.js';

describe('the lock of a zone', () => {
  let roots: Roots;
  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), 'tszone-zone-lock-'));
    roots = { root, runRoot: join(root, 'run'), instance: 'abc123' };
  });
  afterEach(() => rm(roots.root, { recursive: true }));

  const path = () => zonePaths(roots, 'web').lock;
  const isThere = () =>
    access(path()).then(
      () => true,
      () => false,
    );

  it('leaves no file when the zone is gone', async () => {
    const lock = await acquireZoneLock(roots, 'web', {});
    expect(await isThere()).to.equal(true);
    await lock.release();
    expect(await isThere()).to.equal(false);
  });

  it('keeps its file as long as there is the zone', async () => {
    await writeZone(roots, await aRecord(roots, 'web'));
    await (await acquireZoneLock(roots, 'web', {})).release();
    expect(await isThere()).to.equal(true);
  });

  it('never removes the file that another holds', async () => {
    const first = await acquireZoneLock(roots, 'web', {});
    await rm(path());
    await using _second = await acquireZoneLock(roots, 'web', {});
    await first.release();
    const third = await acquireZoneLock(roots, 'web', { timeoutMs: 0 }).catch((error: unknown) => error);
    expect(hasCode(third, 'LOCK_BUSY')).to.equal(true);
  });
});
