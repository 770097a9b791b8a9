import { expect } from 'chai';
import { spaceOf } from '../../../src/state/id-space.js';

describe('the ids that zones can be given', () => {
  const same = (map: string) => spaceOf(map, () => map);

  it('are on a machine those that nobody else uses', () => {
    expect(same('         0          0 4294967295\n')).to.deep.equal({
      first: 0x1000_0000,
      end: 0x7000_0000,
      isInner: false,
    });
  });

  it('are in a zone those that it was given, but for its own', () => {
    expect(same('0 268435456 1048576\n')).to.deep.equal({ first: 65_536, end: 1_048_576, isInner: true });
    const { first, end } = same('0 268435456 65536\n');
    expect(end - first).to.equal(0);
  });

  it('are those that are mapped for users and groups both, in one piece, from a whole block on', () => {
    expect(same('0 1000 1\n1 100000 65536\n')).to.include({ first: 65_536, end: 65_537 });
    expect(same('0 1 100000\n100000 500000 900000\n')).to.include({ first: 65_536, end: 1_000_000 });
    expect(same('0 1 1\n200000 500000 900000\n')).to.include({ first: 262_144, end: 1_100_000 });
    expect(spaceOf('0 1 1000000\n', () => '0 1 200000\n')).to.include({ end: 200_000 });
  });
});
