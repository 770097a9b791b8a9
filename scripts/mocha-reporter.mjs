// A spec reporter that also writes what happened as JSON to $TSZONE_TEST_REPORT, for scripts/run-tests.ts to add up.
// A skipped test's reason is whatever requires() noted on it.
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import Mocha from 'mocha';

const { Base, Spec } = Mocha.reporters;

export default class CountingReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    const report = { passed: 0, failed: [], skipped: [], fileMs: {} };
    const times = measureFiles(runner);
    runner.on('pass', () => {
      report.passed += 1;
    });
    runner.on('fail', (test, error) =>
      report.failed.push(`${basename(test.file ?? '')}: ${test.fullTitle()}\n${shown(error)}`),
    );
    runner.on('pending', (test) => report.skipped.push({ title: test.fullTitle(), missing: missingOf(test) }));
    // Before anything is printed, which may fail with what a test compared.
    runner.prependOnceListener('end', () => {
      report.fileMs = Object.fromEntries(times);
      const file = process.env.TSZONE_TEST_REPORT;
      if (file !== undefined) writeFileSync(file, JSON.stringify(report));
    });
    runner.once('end', () => {
      for (const { title, missing } of report.skipped)
        Base.consoleLog(`  skipped: ${title} (${missing ?? 'no reason'})`);
    });
  }
}

/** The beginning: what was expected and got may be long. */
function shown(error) {
  return String(error?.stack ?? error)
    .slice(0, 2000)
    .split('\n')
    .slice(0, 12)
    .map((line) => `    ${line}`)
    .join('\n');
}

/** The nearest note on the test or a suite around it. */
function missingOf(test) {
  for (let at = test; at; at = at.parent) if (at.tszoneMissing !== undefined) return at.tszoneMissing;
  return undefined;
}

/** By what begins and ends with a file's outermost suites: hooks of the whole run count for none. */
function measureFiles(runner) {
  const times = new Map();
  let startedAt = 0;
  const isOutermost = (suite) => suite.parent?.root === true;
  runner.on('suite', (suite) => {
    if (isOutermost(suite)) startedAt = performance.now();
  });
  runner.on('suite end', (suite) => {
    if (!isOutermost(suite)) return;
    const name = basename(suite.file ?? '', '.test.ts');
    times.set(name, (times.get(name) ?? 0) + performance.now() - startedAt);
  });
  return times;
}
