import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { hostIds, parseUserns, type UsernsSpec } from '../../../src/spec/index.js';
import { claimIds, leaseIds, previewIds, releaseIds, renameIds, requireIds } from '../../../src/state/index.js';

const wanted = (text: string) => ({ userns: parseUserns(text) as UsernsSpec, privileged: false });

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (hasCode(error, 'IDS_TAKEN')) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('ids that a zone is told', () => {
  let directory: string;
  const roots = { root: '/nowhere/a', runRoot: '/nowhere/run', instance: 'aaaaaa' };
  const other = { ...roots, root: '/nowhere/b' };
  const lease = (zone: string, text: string, of = roots) => leaseIds(of, zone, { directory, ids: wanted(text) });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-ids-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('are its own: no other zone of any root gets one of them, told or not', async () => {
    const first = await leaseIds(roots, 'first', { directory });
    await releaseIds(roots, 'first', directory);
    expect(await lease('told', `${first.base}:131072`)).to.deep.equal({ base: first.base, count: 131_072 });
    expect((await leaseIds(other, 'auto', { directory })).base).to.be.at.least(first.base + 131_072);
    for (const text of [`${first.base}:131072`, `${first.base + 131_071}:65536`, `${first.base}:65536,shared`]) {
      expect(await refusal(lease('b', text, other)), text).to.include('zone "told" of /nowhere/a has ids');
      expect(await refusal(requireIds(other, 'b', wanted(text), directory)), text).to.include('are taken');
      expect(await refusal(previewIds(other, 'b', { ids: wanted(text), directory })), text).to.include('are taken');
    }
    expect(await refusal(lease('told', `${first.base}:131072`)), 'again, by the same').to.equal('accepted');
  });

  it('are shared only by zones that all say so', async () => {
    await lease('one', '900000000:65536,shared');
    expect(await refusal(lease('two', '900000000:65536'))).to.include('zone "one"');
    expect(await lease('two', '900000000:65536,shared', other)).to.deep.equal({ base: 900_000_000, count: 65_536 });
    await renameIds(other, 'two', 'three', directory);
    expect(await refusal(lease('one', '900000000:65536')), 'one wants them for itself').to.include('zone "three"');
    await releaseIds(other, 'three', directory);
    expect(await refusal(lease('one', '900000000:65536'))).to.equal('accepted');
  });

  it('are not those of the host, of its accounts or of their subordinate ids', async () => {
    expect(await refusal(lease('a', '1000:65536'))).to.include('the host has ids 0 to 65535');
    expect(await refusal(lease('a', '1000:65536,shared'))).to.equal('accepted');
  });

  it('give way to others when something else is asked for', async () => {
    await lease('a', '900000000:65536,shared');
    const own = await claimIds(roots, 'a', { base: 900_000_000, count: 65_536 }, { directory, ids: wanted('auto') });
    expect(await refusal(lease('b', '900000000:65536,shared', other)), 'now a has them alone').to.include('zone "a"');
    expect(own.base).to.equal(900_000_000);
    expect(await claimIds(roots, 'a', own, { directory, ids: wanted('host') })).to.deep.equal(hostIds);
    const back = await claimIds(roots, 'a', hostIds, { directory, ids: wanted('auto') });
    expect(back, 'the range that it still has').to.deep.equal(own);
  });

  it('are none that is registered without a user namespace', async () => {
    expect(await lease('a', 'host')).to.deep.equal(hostIds);
    const privileged = { userns: { kind: 'auto' }, privileged: true } as const;
    expect(await leaseIds(roots, 'b', { directory, ids: privileged })).to.deep.equal(hostIds);
  });
});
