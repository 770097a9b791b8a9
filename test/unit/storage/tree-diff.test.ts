import { expect } from 'chai';
import { type Base, diffStacks, over, stackOf } from '../../../src/storage/tree-diff.js';
import type { TreeEntry } from '../../../src/storage/tree-list.js';

const plain = {
  mode: '644',
  uid: '0',
  gid: '0',
  size: '1',
  mtimeNs: '1',
  rdev: '0',
  inode: '1',
  isOpaque: false,
  target: '',
};
const file = (change: Partial<TreeEntry> = {}): TreeEntry => ({ ...plain, type: '-', ...change });
const directory = (change: Partial<TreeEntry> = {}): TreeEntry => ({ ...plain, type: 'd', ...change });
const whiteout = (): TreeEntry => ({ ...plain, type: 'c' });
const layer = (entries: Readonly<Record<string, TreeEntry>>) => new Map(Object.entries(entries));
const empty: Base = { entry: async () => undefined, names: async () => [] };
const image = over(
  stackOf([layer({ etc: directory(), 'etc/a': file(), 'etc/sub': directory(), 'etc/sub/deep': file(), top: file() })]),
  empty,
);

async function diff(from: readonly Map<string, TreeEntry>[], to: readonly Map<string, TreeEntry>[]): Promise<string[]> {
  const changes = await diffStacks(stackOf(from), stackOf(to), image);
  return changes.map(({ path, change }) => `${change} ${path}`);
}

describe('the difference of two stacks of layers', () => {
  it('is what was added, changed and deleted, a directory only for what it is itself', async () => {
    const now = layer({
      etc: directory({ mtimeNs: '9' }),
      'etc/a': file({ size: '2' }),
      'etc/new': file(),
      'etc/sub': directory({ mode: '700' }),
      top: whiteout(),
    });
    expect(await diff([], [now])).to.deep.equal([
      'changed /etc/a',
      'added /etc/new',
      'changed /etc/sub',
      'deleted /top',
    ]);
    expect(await diff([now], [])).to.deep.equal([
      'changed /etc/a',
      'deleted /etc/new',
      'changed /etc/sub',
      'added /top',
    ]);
  });

  it('is nothing for a copy, whatever layer it lies in', async () => {
    expect(await diff([], [layer({ etc: directory(), 'etc/a': file({ inode: '7' }) })])).to.deep.equal([]);
    expect(await diff([layer({ x: file() })], [layer({ x: whiteout() }), layer({ x: file() })])).to.deep.equal([
      'deleted /x',
    ]);
    expect(await diff([layer({ x: whiteout() })], [])).to.deep.equal([]);
  });

  it('is also what a new directory in the place of another hides, however deep', async () => {
    const opaque = layer({ etc: directory({ isOpaque: true }), 'etc/a': file() });
    expect(await diff([], [opaque])).to.deep.equal(['deleted /etc/sub', 'deleted /etc/sub/deep']);
    const gone = layer({ etc: whiteout() });
    expect(await diff([gone], [opaque])).to.deep.equal(['added /etc', 'added /etc/a']);
    expect(await diff([gone], [])).to.have.length(4);
    const replaced = layer({ etc: file() });
    expect(await diff([], [replaced])).to.deep.equal([
      'changed /etc',
      'deleted /etc/a',
      'deleted /etc/sub',
      'deleted /etc/sub/deep',
    ]);
  });

  it('sees what a lower layer has below a directory that a higher one only touched', async () => {
    const touched = layer({ etc: directory({ mode: '700' }) });
    const lower = layer({ etc: directory(), 'etc/b': file() });
    expect(await diff([], [touched, lower])).to.deep.equal(['changed /etc', 'added /etc/b']);
    const hidden = layer({ etc: directory({ isOpaque: true }) });
    expect(await diff([], [hidden, lower])).to.deep.equal([
      'deleted /etc/a',
      'deleted /etc/sub',
      'deleted /etc/sub/deep',
    ]);
  });
});
