import { expect } from 'chai';
import { addReport, slowestFiles, summaryLine } from '../../../scripts/test-report.js';

const report = {
  passed: 3,
  failed: ['a fails'],
  skipped: [{ title: 'needs v2', missing: 'cgroup-v2' }, { title: 'says nothing' }],
  fileMs: { exec: 1500, spares: 500 },
};

describe("the suite's sum", () => {
  it('adds up runs into one plain line', () => {
    const counts = { passed: 1, failed: 0, skipped: 0 };
    expect(addReport(counts, report, { mustWork: false, allowed: [] })).to.deep.equal([]);
    expect(summaryLine(counts)).to.equal('4 passed, 1 failed, 2 skipped');
  });

  it('counts a skip as a failure where everything must work, unless it is allowed', () => {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const lines = addReport(counts, report, { mustWork: true, allowed: ['cgroup-v2'] });
    expect(lines).to.deep.equal(['FAILED: skipped where everything must work: says nothing (no reason)']);
    expect(summaryLine(counts)).to.equal('3 passed, 2 failed, 1 skipped');
  });

  it('lists the files that take longest, over all runs', () => {
    expect(slowestFiles([report, { fileMs: { spares: 1250 } }], 1)).to.deep.equal([['spares', 1.75]]);
    expect(slowestFiles([report], 9)).to.deep.equal([
      ['exec', 1.5],
      ['spares', 0.5],
    ]);
  });
});
