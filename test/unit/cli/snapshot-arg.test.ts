import { expect } from 'chai';
import { keepTime, requiredSnapshot } from '../../../src/cli/snapshot-arg.js';
import { ZoneError } from '../../../src/errors/index.js';

function refusal(work: () => unknown): ZoneError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof ZoneError) return error;
    throw error;
  }
}

describe('cli: snapshots', () => {
  it('are kept for hours, days or weeks', () => {
    expect(['90s', '1h', '7d', '4w', undefined].map(keepTime)).to.deep.equal([
      90_000,
      3_600_000,
      604_800_000,
      2_419_200_000,
      undefined,
    ]);
  });

  it('are not kept for what may be minutes or months', () => {
    for (const text of ['12m', '1.5m', ' 5m '])
      expect(refusal(() => keepTime(text))?.message, text).to.include('may be minutes or months');
    for (const text of ['1q', '0h', '24h,7d'])
      expect(refusal(() => keepTime(text))?.message, text).to.include('is not a time');
  });

  it('have names, of which the hint says what they are made of', () => {
    for (const text of ['web@', 'web@a/b', 'web@../x', 'web@a@b', 'web@-x', 'web@Before', `web@${'x'.repeat(64)}`])
      expect(refusal(() => requiredSnapshot(text))?.hint, text).to.include('a-z 0-9 _ . -, at most 63');
    expect(refusal(() => requiredSnapshot('web'))?.hint).to.include('web@NAME');
  });
});
