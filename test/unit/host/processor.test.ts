import { expect } from 'chai';
import { namesHashInstructions } from '../../../src/host/processor.js';
import { requires } from '../../helpers/requires.js';

describe('the instructions of the processor', () => {
  const lines = (flags: string) => `processor\t: 0\nmodel name\t: X sha_ni\nflags\t\t: ${flags}\nbugs\t\t: sha_ni\n`;

  it('hash if all that the helper uses are among its flags', function () {
    requires('x86_64').call(this);
    expect(namesHashInstructions(lines('fpu ssse3 sse4_1 sha_ni avx2'))).to.equal(true);
  });

  it('do not where one is missing, or only something else is called so', () => {
    for (const flags of ['fpu ssse3 sse4_1', 'ssse3 sha_ni', 'xsha_ni ssse3 sse4_1', ''])
      expect(namesHashInstructions(lines(flags)), flags).to.equal(false);
    expect(namesHashInstructions('Features\t: fp asimd sha2\n')).to.equal(false);
  });
});
