import { expect } from 'chai';
import { quantile, ratiosPerRound, summarize } from '../../../bench/statistics.js';

describe('bench: statistics', () => {
  it('a quantile lies between two samples as far as its share says', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).to.equal(2.5);
    expect(quantile([10, 0], 0.1)).to.equal(1);
    expect(quantile([7], 0.9)).to.equal(7);
  });

  it('the order of the rounds changes no quantile, and no quantile changes that order', () => {
    const samples = [9, 1, 5];
    expect(summarize(samples)).to.deep.equal(summarize([1, 5, 9]));
    expect(samples).to.deep.equal([9, 1, 5]);
  });

  it('of nothing, a quantile is no number', () => {
    expect(quantile([], 0.5)).to.be.NaN;
  });

  it('compares what was measured in the same round, not the medians', () => {
    // The second round was slow for both: the ratio does not see it.
    expect(ratiosPerRound([2, 20, 4], [1, 10, 2])).to.deep.equal([2, 2, 2]);
  });

  it('leaves out rounds that one of them lacks', () => {
    expect(ratiosPerRound([2, 4, 6], [1])).to.deep.equal([2]);
    expect(ratiosPerRound([1], [])).to.deep.equal([]);
  });
});
