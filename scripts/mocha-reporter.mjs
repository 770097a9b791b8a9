// A spec reporter that also writes what happened as JSON to $TSZONE_TEST_REPORT, for scripts/run-tests.ts to add up.
// A skipped test's reason is whatever requires() noted on it.
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import Mocha from 'mocha';

const { Base, Spec } = Mocha.reporters;

export default class CountingReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    const report = { passed: 0, failed: [], skipped: [] };
    runner.on('pass', () => {
      report.passed += 1;
    });
    runner.on('fail', (test) => report.failed.push(test.fullTitle()));
    runner.on('pending', (test) => report.skipped.push({ title: test.fullTitle(), missing: missingOf(test) }));
    runner.once('end', () => {
      const file = process.env.TSZONE_TEST_REPORT;
      if (file !== undefined) writeFileSync(file, JSON.stringify(report));
      for (const { title, missing } of report.skipped)
        Base.consoleLog(`  skipped: ${title} (${missing ?? 'no reason'})`);
    });
  }
}

/** The nearest note on the test or a suite around it. */
function missingOf(test) {
  for (let at = test; at; at = at.parent) if (at.tszoneMissing !== undefined) return at.tszoneMissing;
  return undefined;
}
