import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { removeRemains } from '../../../src/operations/remains.js';
import { acquireZoneLock, type Roots, writeJournal, writeZone, zonePaths } from '../../../src/state/index.js';
import { aRecord } from '../state/records.js';

describe('remains of zones that a power cut ended', () => {
  let roots: Roots;
  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), 'tszone-remains-'));
    roots = { root, runRoot: join(root, 'run'), instance: 'abc123' };
  });
  afterEach(() => rm(roots.root, { recursive: true }));

  async function plant(name: string): Promise<string> {
    const { directory, rootfs } = zonePaths(roots, name);
    await mkdir(join(rootfs, 'upper', 'etc'), { recursive: true });
    await writeFile(join(rootfs, 'upper', 'etc', 'file'), 'x');
    return directory;
  }

  it('are removed: directories with no record, or a link that leads nowhere', async () => {
    const bare = await plant('bare');
    const linked = await plant('linked');
    await symlink(zonePaths(roots, 'linked').runRecord, zonePaths(roots, 'linked').record);
    expect(await removeRemains(roots)).to.deep.equal(['bare', 'linked']);
    expect([existsSync(bare), existsSync(linked)]).to.deep.equal([false, false]);
    expect(existsSync(zonePaths(roots, 'bare').lock)).to.equal(false);
    expect(await removeRemains(roots)).to.deep.equal([]);
  });

  it('are not zones that exist, lasting or not, nor one whose record cannot be read', async () => {
    const lasting = await aRecord(roots, 'lasting');
    await writeZone(roots, lasting);
    const { spec } = await aRecord(roots, 'throw-away');
    await writeZone(roots, { ...lasting, spec: { ...spec, ephemeral: true } });
    await plant('corrupt');
    await writeFile(zonePaths(roots, 'corrupt').record, '{');
    expect(await removeRemains(roots)).to.deep.equal([]);
  });

  it('are not what a journal is about, nor what somebody works on', async () => {
    const journaled = await plant('journaled');
    await writeJournal(roots, {
      version: 1,
      operation: 'create',
      zone: 'journaled',
      recovery: 'back',
      completeIfRunning: false,
      place: 'life',
      ops: [],
    });
    const locked = await plant('locked');
    await using _lock = await acquireZoneLock(roots, 'locked', {});
    expect(await removeRemains(roots)).to.deep.equal([]);
    expect([existsSync(journaled), existsSync(locked)]).to.deep.equal([true, true]);
  });

  it('are none of a zone that lives under another run-time directory', async () => {
    const directory = await plant('elsewhere');
    const other = { ...roots, runRoot: join(roots.root, 'other-run') };
    const record = await aRecord(other, 'elsewhere');
    await writeZone(other, { ...record, spec: { ...record.spec, ephemeral: true } });
    expect(await removeRemains(roots)).to.deep.equal([]);
    expect(existsSync(directory)).to.equal(true);
  });
});
