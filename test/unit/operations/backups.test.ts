import { expect } from 'chai';
import { type Backup, baseOf, parseBackups } from '../../../src/operations/backup-list.js';
import { keyOfFrozen } from '../../../src/operations/backup-memory.js';
import { backupsToRemove } from '../../../src/operations/backup-prune.js';
import type { ZoneState } from '../../../src/operations/backup-state.js';

const day = 86_400_000;
const backup = (id: string, days: number, sameAs?: string): Backup => ({
  id,
  zone: 'web',
  host: 'here',
  createdAt: new Date(Date.UTC(2026, 0, 1) + days * day).toISOString(),
  ...(sameAs === undefined ? {} : { sameAs }),
});

describe('backups that are the same as others', () => {
  it('are told by their tag and their path together', () => {
    const listed = (tags: readonly string[], path: string) =>
      parseBackups(
        JSON.stringify([{ short_id: '0123abcd', time: '2026-01-01T00:00:00Z', hostname: 'here', tags, paths: [path] }]),
      );
    const tags = ['tszone', 'zone=web', 'size=5'];
    expect(listed(tags, '/web.tar')[0]).to.not.have.property('sameAs');
    expect(listed([...tags, 'same=89abcdef'], '/web.same')[0]).to.include({ id: '0123abcd', sameAs: '89abcdef' });
    expect(listed([...tags, 'same=89abcdef'], '/web.tar')).to.deep.equal([]);
    expect(listed([...tags, 'same=../../etc'], '/web.same')).to.deep.equal([]);
    expect(listed(tags, '/web.same')).to.deep.equal([]);
  });

  it('are made of that one, which has to be a whole one of the same zone', () => {
    const [whole, same] = [backup('aaaaaaaa', 0), backup('bbbbbbbb', 1, 'aaaaaaaa')];
    expect(baseOf([whole, same], same)).to.equal(whole);
    expect(baseOf([whole], whole)).to.equal(whole);
    for (const others of [[same], [same, { ...whole, zone: 'other' }], [same, backup('aaaaaaaa', 0, 'cccccccc')]])
      expect(() => baseOf(others, same))
        .to.throw()
        .with.property('code', 'BACKUP_DAMAGED');
  });

  it('keep it, whatever the policy says', () => {
    const all = [backup('aaaaaaaa', 0), backup('bbbbbbbb', 1), backup('cccccccc', 2, 'aaaaaaaa')];
    expect(backupsToRemove(all, { daily: 1 }).map(({ id }) => id)).to.deep.equal(['bbbbbbbb']);
    expect(backupsToRemove([...all, backup('dddddddd', 3)], { daily: 1 })).to.have.lengthOf(3);
  });
});

describe('the key of what was frozen', () => {
  const tree = (hash: string, entries = 9, settled = true) => ({ hash, entries, settled });
  const state = (over: Partial<ZoneState>): ZoneState => ({
    isRunning: true,
    layers: [],
    own: tree('a'),
    local: undefined,
    key: 'before',
    ...over,
  });

  it('of a copy is that of what was there before it was made, if every later change shows', () => {
    expect(keyOfFrozen(state({}), undefined, { layers: ['copy'], isCopy: true })).to.equal('before');
    const late = state({ own: tree('a', 9, false) });
    expect(keyOfFrozen(late, undefined, { layers: ['copy'], isCopy: true })).to.equal(undefined);
    expect(keyOfFrozen(state({ local: tree('l', 1, false) }), undefined, { layers: [], isCopy: true })).to.equal(
      undefined,
    );
    expect(keyOfFrozen(undefined, undefined, { layers: [], isCopy: true })).to.equal(undefined);
  });

  it('of what was moved away is that of a zone with nothing above it', () => {
    const before = state({ isRunning: false });
    const after = state({ isRunning: false, layers: ['new'], own: tree('empty', 1), key: 'after' });
    const frozen = { layers: ['new'], isCopy: false };
    expect(keyOfFrozen(before, after, frozen)).to.equal('after');
    expect(keyOfFrozen(before, { ...after, own: tree('written', 2) }, frozen)).to.equal(undefined);
    expect(keyOfFrozen(before, { ...after, own: tree('empty', 1, false) }, frozen)).to.equal(undefined);
    expect(keyOfFrozen(before, { ...after, layers: ['newer', 'new'] }, frozen)).to.equal(undefined);
    expect(keyOfFrozen(before, { ...after, local: tree('other') }, frozen)).to.equal(undefined);
  });
});
