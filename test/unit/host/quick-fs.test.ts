import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { open, rm } from '../../../src/host/quick-fs.js';
import { runProgram } from '../../helpers/cli.js';
import { requires } from '../../helpers/requires.js';

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );

describe('quick rm', () => {
  let directory: string;
  let tree: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-quick-'));
    tree = join(directory, 'tree');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const plant = (files: number, depth = 1) => {
    const bottom = join(tree, ...Array.from({ length: depth }, (_, level) => `d${level}`));
    mkdirSync(bottom, { recursive: true });
    for (let file = 0; file < files; file += 1) writeFileSync(join(bottom, `f${file}`), '');
  };
  const all = { recursive: true, force: true } as const;

  for (const [what, files, depth] of [
    ['a small tree', 3, 2],
    ['a large tree', 500, 3],
    ['a deep tree', 1, 100],
    ['an empty directory', 0, 0],
  ] as const) {
    it(`removes ${what}`, async () => {
      plant(files, depth);
      await rm(tree, all);
      expect(existsSync(tree)).to.equal(false);
    });
  }

  it('removes one file, and no directory', async () => {
    plant(1);
    await rm(join(tree, 'd0', 'f0'));
    expect(existsSync(join(tree, 'd0', 'f0'))).to.equal(false);
    expect(await codeOf(rm(tree, { force: true }))).to.equal('EISDIR');
    expect(existsSync(tree)).to.equal(true);
  });

  it('says ENOENT of what is not there, unless forced', async () => {
    for (const recursive of [true, false]) {
      expect(await codeOf(rm(tree, { recursive }))).to.equal('ENOENT');
      expect(await codeOf(rm(tree, { recursive, force: true }))).to.equal(undefined);
    }
  });

  it('does not follow links, neither below nor at the top', async () => {
    plant(1);
    const kept = join(directory, 'kept');
    mkdirSync(kept);
    writeFileSync(join(kept, 'file'), '');
    symlinkSync(kept, join(tree, 'link'));
    symlinkSync(join(directory, 'nowhere'), join(tree, 'dangling'));
    symlinkSync(kept, join(directory, 'top'));
    await rm(tree, all);
    await rm(join(directory, 'top'), all);
    expect([existsSync(tree), existsSync(join(directory, 'top'))]).to.deep.equal([false, false]);
    expect(existsSync(join(kept, 'file'))).to.equal(true);
  });

  it('removes names that are no UTF-8, and does not call it done when it is not', async () => {
    plant(1);
    const odd = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x66, 0xff, 0xfe])]);
    writeFileSync(odd, '');
    await rm(tree, all);
    expect(existsSync(tree)).to.equal(false);
  });

  it('keeps the code of a mount point in the tree', async function () {
    await requires('root').call(this);
    plant(1);
    const point = join(tree, 'd0', 'point');
    mkdirSync(point);
    expect((await runProgram('mount', ['-t', 'tmpfs', 'quick', point])).status).to.equal(0);
    try {
      expect(await codeOf(rm(tree, { ...all, maxRetries: 1 }))).to.equal('EBUSY');
      expect(existsSync(point)).to.equal(true);
    } finally {
      await runProgram('umount', [point]);
    }
    await rm(tree, all);
    expect(existsSync(tree)).to.equal(false);
  });

  it("an open file can be closed twice, and closes nobody else's", async () => {
    const path = join(directory, 'file');
    const file = await open(path, 'w');
    await file.close();
    const other = await open(path, 'r');
    expect(other.fd).to.equal(file.fd);
    await file.close();
    expect((await other.stat()).isFile()).to.equal(true);
    await other.close();
  });
});
