import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { namePattern } from '../../../src/spec/index.js';
import {
  findPool,
  type PoolRecord,
  poolLockName,
  poolNames,
  readPool,
  removePool,
  writePool,
} from '../../../src/state/index.js';

describe('pools on disk', () => {
  let root: string;
  const roots = () => ({ root, runRoot: '/nonexistent', instance: 'abcdef' });
  const record: PoolRecord = {
    version: 1,
    name: 'fast',
    driver: 'loop',
    path: '/srv/fast',
    isFile: false,
    isOurs: true,
    createdAtMs: 1,
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tszone-pools-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('are there when they are written, and the default pool always is', async () => {
    expect(await poolNames(roots())).to.deep.equal(['default']);
    await writePool(roots(), record);
    expect(await poolNames(roots())).to.deep.equal(['default', 'fast']);
    expect(await readPool(roots(), 'fast')).to.deep.equal(record);
  });

  it('are gone when they are removed, which may be done twice', async () => {
    await writePool(roots(), record);
    await removePool(roots(), 'fast');
    await removePool(roots(), 'fast');
    expect(await findPool(roots(), 'fast')).to.equal(undefined);
  });

  it('are named by the nearest name', async () => {
    await writePool(roots(), record);
    const error = await readPool(roots(), 'fats').catch((failure: unknown) => failure);
    expect(hasCode(error, 'POOL_NOT_FOUND') && error.context.nearest).to.equal('fast');
  });

  it('whose record makes no sense are an error, not a pool', async () => {
    await writePool(roots(), record);
    writeFileSync(join(root, 'pools/fast.json'), '{"version":1}');
    const error = await findPool(roots(), 'fast').catch((failure: unknown) => failure);
    expect(hasCode(error, 'STATE_CORRUPT')).to.equal(true);
  });

  it('have locks that no zone can have', () => {
    expect(namePattern.test(poolLockName('fast'))).to.equal(false);
  });
});
