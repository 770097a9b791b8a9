import { expect } from 'chai';
import { editDistance, nearest } from '../../../src/spec/nearest.js';

describe('nearest', () => {
  it('counts insertions, deletions and replacements', () => {
    expect(editDistance('kitten', 'sitting')).to.equal(3);
    expect(editDistance('', 'abc')).to.equal(3);
    expect(editDistance('same', 'same')).to.equal(0);
  });

  it('finds what was meant', () => expect(nearest('strat', ['stop', 'start', 'status'])).to.equal('start'));
  it('stays silent when nothing is near', () => expect(nearest('xyzzy', ['stop', 'start'])).to.equal(undefined));

  it('takes two letters the wrong way round for one mistake', () => {
    expect(editDistance('wbe', 'web')).to.equal(1);
    expect(editDistance('abcd', 'badc')).to.equal(2);
    expect(nearest('wbe', ['db', 'web'])).to.equal('web');
  });
});
