import { expect } from 'chai';
import { compareWithKnown } from '../../../bench/known-floors.js';

describe('bench: known floors', () => {
  it('says which are as they were', () => {
    const [, exec] = compareWithKnown(
      new Map([
        ['only true', 0.16],
        ['exec', 0.8],
      ]),
      0,
    );
    expect(exec).to.match(/within 20 %$/);
  });

  it('blames the machine for what it does with everything', () => {
    const [, exec] = compareWithKnown(
      new Map([
        ['only true', 0.32],
        ['exec', 1.42],
      ]),
      0,
    );
    expect(exec).to.match(/here a static true takes 2\.0 times as long$/);
  });

  it('blames its load', () => {
    const known = new Map([
      ['only true', 0.16],
      ['exec', 14],
    ]);
    expect(compareWithKnown(known, 4)[1]).to.match(/the machine is busy, 4\.0 processes want each CPU$/);
  });

  it('blames it for no more than that', () => {
    const [, exec] = compareWithKnown(
      new Map([
        ['only true', 0.16],
        ['exec', 1.42],
      ]),
      0,
    );
    expect(exec).to.match(/neither the machine's own factor of 1\.0 nor its load is the reason$/);
  });
});
