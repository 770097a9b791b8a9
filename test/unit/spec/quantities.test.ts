import { expect } from 'chai';
import { formatSize, parseDuration, parseSize } from '../../../src/spec/index.js';

describe('quantities', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['65536', 65_536],
    ['1K', 1024],
    ['512M', 536_870_912],
    ['512m', 536_870_912],
    ['1.5G', 1_610_612_736],
    ['2GiB', 2_147_483_648],
    ['1T', 1_099_511_627_776],
  ] as const) {
    it(`reads the size ${text}`, () => expect(parseSize(text)).to.equal(bytes));
  }

  for (const text of ['', 'M', '-1', '12X', '1 2', '0x10', '1e3', 'NaN', '9999999T', -5, 1.5, Number.NaN]) {
    it(`refuses ${JSON.stringify(text)} as a size`, () => expect(parseSize(text)).to.equal(undefined));
  }

  for (const [text, ms] of [
    ['10', 10_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    [3, 3000],
  ] as const) {
    it(`reads the duration ${text}`, () => expect(parseDuration(text)).to.equal(ms));
  }

  for (const text of ['', 's', '-1s', '5y', '1m30s']) {
    it(`refuses ${JSON.stringify(text)} as a duration`, () => expect(parseDuration(text)).to.equal(undefined));
  }

  it('writes sizes as a table shows them', () => {
    expect([0, 1023, 1024, 1536, 536_870_912, 123_456_789_012].map(formatSize)).to.deep.equal([
      '0',
      '1023',
      '1K',
      '1.5K',
      '512M',
      '115G',
    ]);
  });
});
