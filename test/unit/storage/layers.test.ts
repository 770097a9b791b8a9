import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Roots } from '../../../src/state/index.js';
import {
  hasLayer,
  layerDirectory,
  layersDirectory,
  listLayers,
  removeLayer,
  stageLayer,
  sweepStaging,
} from '../../../src/storage/index.js';
import { requires } from '../../helpers/requires.js';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('layers', () => {
  let roots: Roots;

  before(requires('root'));
  beforeEach(() => {
    roots = { root: mkdtempSync(join(tmpdir(), 'tszone-layers-')), runRoot: '/nonexistent', instance: 'abcdef' };
  });
  afterEach(() => rmSync(roots.root, { recursive: true, force: true }));

  const entries = () => readdirSync(layersDirectory(roots));

  it('have a name only when they are complete', async () => {
    await using staging = await stageLayer(roots);
    writeFileSync(join(staging.tree, 'f'), 'x');
    expect(await listLayers(roots)).to.deep.equal([]);
    await staging.commit(digest);
    expect(await listLayers(roots)).to.deep.equal([digest]);
    expect(await hasLayer(roots, digest)).to.equal(true);
    expect(statSync(layerDirectory(roots, digest)).mode & 0o7777).to.equal(0o755);
  });

  it('leave nothing when they are given up', async () => {
    {
      await using staging = await stageLayer(roots);
      writeFileSync(join(staging.scratch, 'f'), 'x');
    }
    expect(entries()).to.deep.equal([]);
  });

  it('stay as they are when the same one is made again', async () => {
    for (const content of ['first', 'second']) {
      await using staging = await stageLayer(roots);
      writeFileSync(join(staging.tree, content), '');
      await staging.commit(digest);
    }
    expect(readdirSync(layerDirectory(roots, digest))).to.deep.equal(['first']);
    expect(entries()).to.have.length(1);
  });

  it('are swept up when their maker is gone, and only then', async () => {
    await using staging = await stageLayer(roots);
    mkdirSync(join(layersDirectory(roots), 'tmp-killed/tree'), { recursive: true });
    mkdirSync(join(layersDirectory(roots), 'tmp-killed-at-once'));
    expect(await sweepStaging(roots)).to.equal(2);
    expect(existsSync(staging.tree)).to.equal(true);
    expect(entries()).to.have.length(1);
  });

  it('are removed without following what is in them', async () => {
    const outside = join(roots.root, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), '');
    await using staging = await stageLayer(roots);
    symlinkSync(outside, join(staging.tree, 'link'));
    symlinkSync(join(roots.root, 'made'), join(staging.tree, 'lock'));
    await staging.commit(digest);
    await removeLayer(roots, digest);
    await removeLayer(roots, digest);
    expect(await listLayers(roots)).to.deep.equal([]);
    expect(existsSync(join(outside, 'kept'))).to.equal(true);
    expect(existsSync(join(roots.root, 'made'))).to.equal(false);
  });

  it('have no other names than digests', () => {
    for (const name of ['', 'sha256:../../etc', `sha256:${'AB'.repeat(32)}`, 'md5:00']) {
      expect(() => layerDirectory(roots, name)).to.throw('not a digest');
    }
  });
});
