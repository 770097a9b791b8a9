/** The run-time of `make sanitize-static`: what it finds, and that it finds nothing where there is nothing. */
import { execFileSync, spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { patience } from '../../helpers/patience.js';
import { requires } from '../../helpers/requires.js';

const program = 'build-sanitize-static/faults';

/** The number with which it is right, and that with which it is wrong. */
const faults = {
  stack: [19, 20],
  heap: [20, 21],
  grown: [49, 50],
  global: [12, 13],
  freed: [0, 1],
  'freed-twice': [0, 1],
  filled: [21, 22],
  received: [20, 21],
  printed: [20, 21],
  'out-of-scope': [0, 1],
  sum: [0, 1],
  alloca: [30, 31],
  borrowed: [20, undefined],
} as const;

describe('the checks of static programs', function () {
  this.timeout(patience(120_000));
  before('a program with faults', function () {
    requires('gcc', 'x86_64').call(this);
    execFileSync('make', ['-s', '-C', 'native', program], { stdio: 'inherit' });
  });

  const endOf = (what: string, n: number) => {
    const { status, signal } = spawnSync(`native/${program}`, [what, String(n)], { stdio: 'ignore' });
    return status ?? signal;
  };

  for (const [what, [right, wrong]] of Object.entries(faults)) {
    it(`${what}: ${wrong === undefined ? 'find nothing' : 'find what is wrong, and nothing else'}`, () => {
      expect(endOf(what, right)).to.equal(0);
      if (wrong !== undefined) expect(endOf(what, wrong)).to.equal('SIGILL');
    });
  }
});
