/**
 * Runs test files that were bundled with it, in one process: a node start takes seconds under emulation, tsx a minute.
 * Counts as scripts/run-tests.ts does. The last line is `N passed, N failed, N skipped`.
 */
import { readFileSync, renameSync } from 'node:fs';
import { inspect } from 'node:util';
import Mocha from 'mocha';
import { addReport, type Counts, type MochaReport, summaryLine } from '../../scripts/test-report.js';
import { patience } from '../helpers/patience.js';

export interface LaneFile {
  /** The lane that it is for; empty: each. */
  readonly init: string;
  readonly file: string;
  /** Only tests whose full title matches; empty: all. */
  readonly grep: string;
  load(): Promise<unknown>;
}

const timeoutMs = 60_000;
const reportFile = '/tmp/lane-report.json';

/** @returns the exit status */
export async function runLane(reporter: Mocha.ReporterConstructor, files: readonly LaneFile[]): Promise<number> {
  const mocha = new Mocha({ timeout: patience(timeoutMs), reporter, slow: timeoutMs });
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  mocha.suite.emit('pre-require', globalThis, '', mocha);
  for (const { file, grep, load } of files.filter(({ init }) => init === '' || init === process.env.TSZONE_VM_INIT)) {
    const before = mocha.suite.suites.length;
    await load();
    const suites = mocha.suite.suites.slice(before);
    for (const suite of suites) suite.file = file;
    const added = suites.reduce((sum, suite) => sum + keepMatching(suite, grep), 0);
    if (added > 0) continue;
    console.log(`FAILED: no test of ${file} matches ${grep || 'anything'}`);
    counts.failed += 1;
  }
  // Images built outside; see prepare.sh.
  const { imageStore } = await import('../helpers/images.js');
  renameSync('images', await imageStore());
  process.env.TSZONE_TEST_REPORT = reportFile;
  await new Promise<void>((resolve) => sayAtOnce(mocha.run(() => resolve())));
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as MochaReport;
  const allowed = JSON.parse(readFileSync('test/vm/allowed-skips.json', 'utf8')) as readonly string[];
  for (const line of addReport(counts, report, { mustWork: true, allowed })) console.log(line);
  console.log(`\n${summaryLine(counts)}`);
  return counts.failed > 0 ? 1 : 0;
}

/** Failures, and what each file came to: a VM that is out of time says nothing at the end. */
function sayAtOnce(runner: Mocha.Runner): void {
  const startedAt = performance.now();
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  runner.on('pass', () => {
    counts.passed += 1;
  });
  runner.on('pending', () => {
    counts.skipped += 1;
  });
  runner.on('fail', (test, error: Error) => {
    counts.failed += 1;
    console.log(`FAILED: ${test.fullTitle()}\n${inspect(error)}`);
  });
  runner.on('suite end', (suite) => {
    if (suite.parent?.root !== true) return;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(`-- ${suite.file}: ${summaryLine(counts)}; at ${seconds} s`);
    counts = { passed: 0, failed: 0, skipped: 0 };
  });
}

/** Drops what does not match. @returns how many tests are left */
function keepMatching(suite: Mocha.Suite, grep: string): number {
  const wanted = new RegExp(grep);
  suite.tests = suite.tests.filter((test) => wanted.test(test.fullTitle()));
  return suite.suites.reduce((sum, inner) => sum + keepMatching(inner, grep), suite.tests.length);
}
