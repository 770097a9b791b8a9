import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { argumentsOf, encodePlan, enterOps, helperPath, protocolVersion } from '../../../src/helper/index.js';

describe('helper protocol', () => {
  it('has the same op table on both sides', () => {
    const features = JSON.parse(execFileSync(helperPath(), ['features'], { encoding: 'utf8' })) as {
      protocol: number;
      ops: Record<string, number>;
    };
    const ours = Object.fromEntries(
      Object.entries(enterOps).map(([name, fields]) => [
        name,
        fields.some((field) => field.endsWith('*')) ? -1 : fields.length,
      ]),
    );
    expect(features.protocol).to.equal(protocolVersion);
    expect(features.ops).to.deep.equal(ours);
  });

  it('encodes a plan as NUL-terminated tokens', () => {
    const plan = encodePlan([
      { op: 'uts.hostname', name: 'web' },
      { op: 'exec.path', argv: ['echo', ''] },
    ]);
    expect(plan.toString()).to.equal('tszone-plan\u00002\0uts.hostname\u00001\0web\0exec.path\u00002\0echo\0\0');
  });

  it('refuses a NUL in an argument', () => {
    expect(() => encodePlan([{ op: 'cwd', path: '/a\0b' }])).to.throw('contains NUL');
  });

  it('keeps the wire order of arguments', () => {
    expect(argumentsOf({ op: 'init.fork', argv: ['init', '-v'], slot: 's' })).to.deep.equal(['s', 'init', '-v']);
  });
});
