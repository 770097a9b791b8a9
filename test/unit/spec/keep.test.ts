import { expect } from 'chai';
import { formatKeep, keptBy, parseKeep } from '../../../src/spec/keep.js';

const at = (text: string) => ({ createdAtMs: Date.parse(`2026-${text}:00Z`) });
const kept = (policy: string, all: readonly ReturnType<typeof at>[]) => {
  const keep = keptBy(parseKeep(policy) ?? {}, all);
  return all.map((one, index) => (keep.has(one) ? index : -1)).filter((index) => index >= 0);
};

describe('how many snapshots are kept', () => {
  it('is told as 24h,7d,4w, and nothing else', () => {
    expect(parseKeep('24h,7d,4w')).to.deep.equal({ hourly: 24, daily: 7, weekly: 4 });
    expect(formatKeep(parseKeep('1y, 2m,3h') ?? {})).to.equal('3h,2m,1y');
    for (const text of ['', '0h', 'h', '1h,2h', '1s', '-1d', '12345h'])
      expect(parseKeep(text), text).to.equal(undefined);
  });

  it('is the newest of each of so many periods that have one', () => {
    const hours = [at('03-01T10:01'), at('03-01T10:59'), at('03-01T11:00'), at('03-01T15:00')];
    expect(kept('2h', hours)).to.deep.equal([2, 3]);
    expect(kept('3h', hours)).to.deep.equal([1, 2, 3]);
    expect(kept('1d', hours)).to.deep.equal([3]);
  });

  it('keeps what any rule keeps, and starts a week on Monday', () => {
    const days = [at('03-01T12:00'), at('03-02T12:00'), at('03-08T12:00'), at('03-08T13:00')];
    expect(kept('2w', days)).to.deep.equal([0, 3]);
    expect(kept('2d,2w', days)).to.deep.equal([0, 1, 3]);
    expect(kept('9y', days)).to.deep.equal([3]);
  });
});
