import fs from 'node:fs';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  acquireJournalLocks,
  acquireZoneLock,
  dropJournal,
  type Journal,
  journaledZones,
  journalLocks,
  makeStateDirectory,
  type Roots,
  readJournals,
  writeJournal,
} from '../../../src/state/index.js';

const rename: Journal = {
  version: 1,
  operation: 'rename',
  zone: 'old',
  locks: ['old', 'new'],
  recovery: 'forward',
  completeIfRunning: false,
  place: 'disk',
  ops: [],
};
const { locks: _both, ...createOfOld } = { ...rename, operation: 'create', recovery: 'back' } as const;

/** Directories that are synced meanwhile, with what is in them then. */
async function syncedDuring(work: () => Promise<void>): Promise<string[]> {
  const { fsync } = fs;
  const seen: string[] = [];
  fs.fsync = Object.assign((fd: number, done: fs.NoParamCallback) => {
    const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
    if (fs.statSync(path).isDirectory()) seen.push(`${path}: ${fs.readdirSync(path).join(' ')}`);
    fsync(fd, done);
  }, fsync);
  try {
    await work();
  } finally {
    fs.fsync = fsync;
  }
  return seen;
}

describe('journals', () => {
  let roots: Roots;
  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), 'tszone-journal-'));
    roots = { root, runRoot: join(root, 'run'), instance: 'abc123' };
    await makeStateDirectory(join(root, 'journal'));
  });
  afterEach(() => rm(roots.root, { recursive: true }));

  it('that would undo a finished operation cannot come back after a power cut', async () => {
    await writeJournal(roots, createOfOld);
    const synced = await syncedDuring(() => dropJournal(roots, createOfOld));
    expect(synced).to.deep.equal([`${join(roots.root, 'journal')}: `]);
  });

  it('of two zones are found by both names, and gone for both', async () => {
    await writeJournal(roots, rename);
    expect((await journaledZones(roots)).toSorted()).to.deep.equal(['new', 'old']);
    for (const zone of ['old', 'new']) expect(await readJournals(roots, zone)).to.deep.equal([rename]);
    expect(journalLocks(rename)).to.deep.equal(['new', 'old']);
    await dropJournal(roots, rename);
    expect(await readdir(join(roots.root, 'journal'))).to.deep.equal([]);
  });

  it('of one name are never taken for those of a former second one', async () => {
    await writeJournal(roots, rename);
    await writeJournal(roots, createOfOld);
    expect(await readJournals(roots, 'new')).to.deep.equal([]);
    await (await acquireJournalLocks(roots, 'new', {})).release();
    expect(await journaledZones(roots)).to.deep.equal(['old']);
  });

  it('that a link has led to are not looked for again', async () => {
    await symlink('old.json', join(roots.root, 'journal', 'new.json'));
    expect(await journaledZones(roots)).to.deep.equal([]);
  });

  it('are worked off with all their zones locked', async () => {
    await writeJournal(roots, rename);
    for (const zone of ['old', 'new']) {
      await using locks = await acquireJournalLocks(roots, zone, {});
      expect(locks.zones).to.deep.equal(['new', 'old']);
      for (const held of ['old', 'new']) {
        const error = await acquireZoneLock(roots, held, { timeoutMs: 0 }).catch((caught: unknown) => caught);
        expect(error).to.have.property('code', 'LOCK_BUSY');
      }
    }
  });
});
