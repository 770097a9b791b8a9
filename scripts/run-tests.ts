/**
 * `npm test`: everything that CI runs. Prints last the plain line `N passed, N failed, N skipped`, the sum over all mocha runs; a
 * step that is no mocha run counts as one failure if it fails.
 *
 * `npm test -- unit golden` runs only these steps. TSZONE_MUST_WORK=1 makes every skipped test a failure unless what it
 * misses is in test/allowed-skips.json. TSZONE_TEST_JOBS=1 runs one thing after the other; else two run side by side on a machine
 * with two processors: each looks for leftovers of its own hosts, and the machine as a whole is compared before and after.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectNothingLeftNow, type Snapshot, takeSnapshot } from '../test/helpers/snapshot.js';
import { runStep } from './step-process.js';
import { runJobs } from './test-jobs.js';
import { addReport, type Counts, type MochaReport, readReport, slowestFiles, summaryLine } from './test-report.js';
import { type MochaRun, type TestJob, testJobs } from './test-steps.js';

const env: NodeJS.ProcessEnv = { ...process.env };
// Adds 38 ms to every start of node 20, and the suite starts many.
delete env.NODE_EXTRA_CA_CERTS;

const scratch = mkdtempSync(join(tmpdir(), 'tszone-tests-'));
const allowed = JSON.parse(readFileSync('test/allowed-skips.json', 'utf8')) as readonly string[];
/** How much slower than usual this machine is; test/helpers/patience.ts scales waits by the same. */
const slowdown = Math.max(1, Number(process.env.TSZONE_TEST_SLOWDOWN ?? 1) || 1);
const jobs = wantedJobs(process.argv.slice(2));
const slots = Math.min(jobs.length, Number(process.env.TSZONE_TEST_JOBS ?? Math.min(2, availableParallelism())) || 1);
const isWatched = slots > 1 && env.TSZONE_TEST_SHARED !== '1' && process.getuid?.() === 0;
if (slots > 1) env.TSZONE_TEST_SHARED = '1';

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
const reports: MochaReport[] = [];
/** Said once more at the end, where whoever has only the end of a long log finds them. */
const failures: string[] = [];
const seconds = new Map<string, number>();
const atStart = isWatched ? await takeSnapshot() : undefined;
await runJobs(jobs, slots, runJob);
if (atStart !== undefined) await compareMachine(atStart);
rmSync(scratch, { recursive: true, force: true });
if (jobs.length > 1) printTimes();
if (failures.length > 0) console.log(`\nFailed:\n${failures.join('\n')}`);
const exitStatus = counts.failed > 0 ? 1 : 0;
// An exit cuts off what a pipe has not taken yet.
process.stdout.write(`\n${summaryLine(counts)}\n`, () => process.exit(exitStatus));

function wantedJobs(wanted: readonly string[]): TestJob[] {
  const names = [...new Set(testJobs.map(({ step }) => step))];
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`error: unknown step "${unknown.join('", "')}"\nhint: The steps are ${names.join(', ')}.`);
    process.exit(2);
  }
  return testJobs.filter(({ step }) => wanted.length === 0 || wanted.includes(step));
}

async function runJob({ step, run }: TestJob): Promise<void> {
  const startedAt = Date.now();
  const lines: string[] = 'mocha' in run ? await runMocha(step, run) : await runProgram(step, run);
  const tookSeconds = (Date.now() - startedAt) / 1000;
  seconds.set(step, (seconds.get(step) ?? 0) + tookSeconds);
  console.log([...lines, `== ${step}: ${Math.round(tookSeconds)} s`].join('\n'));
}

/** What runs alone is seen at once, else what is printed stays together. @returns lines that are not shown yet */
async function execute(
  step: string,
  argv: readonly string[],
  options: { cwd?: string; env: NodeJS.ProcessEnv },
): Promise<{ status: number | null; lines: string[] }> {
  const isLive = slots === 1;
  if (isLive) console.log(`\n== ${step}`);
  const patienceMs = 30_000 * slowdown;
  const ended = await runStep(argv, { ...options, isLive, patienceMs, timeoutMs: 2_700_000 * slowdown });
  const lines = isLive ? [] : [`\n== ${step}\n${ended.output}`.trimEnd()];
  if (ended.problem !== undefined) lines.push(failure(`${step}: ${argv.join(' ')}: ${ended.problem}`));
  return { status: ended.status, lines };
}

async function runProgram(step: string, argv: readonly string[]): Promise<string[]> {
  const { status, lines } = await execute(step, argv, { env });
  if (status === 0) return lines;
  return [...lines, failure(`${step} failed with status ${status}`, lastLines(lines.join('\n'), 20))];
}

async function runMocha(step: string, run: MochaRun): Promise<string[]> {
  const file = join(scratch, `${reports.length}-${Math.random()}.json`);
  const argv = [
    process.execPath,
    'node_modules/mocha/bin/mocha.js',
    '--reporter',
    'scripts/mocha-reporter.mjs',
    '--timeout',
    String(Math.ceil((run.timeoutMs ?? 30_000) * slowdown)),
    ...run.mocha,
  ];
  const { status, lines } = await execute(step, argv, {
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    env: { ...env, ...run.env, TSZONE_TEST_REPORT: file },
  });
  const report = readReport(file);
  if (report === undefined) return [...lines, failure(`${step}: mocha ended with status ${status} and no report`)];
  reports.push(report);
  const refused = addReport(counts, report, { mustWork: process.env.TSZONE_MUST_WORK === '1', allowed });
  lines.push(...refused);
  failures.push(...[...report.failed, ...refused].map((text) => `${step}: ${text}`));
  if (status !== 0 && report.failed.length === 0) lines.push(failure(`${step}: mocha ended with status ${status}`));
  return lines;
}

async function compareMachine(before: Snapshot): Promise<void> {
  await expectNothingLeftNow(before, {}, 20_000).catch((error: unknown) =>
    console.log(failure(`the machine after all: ${String(error)}`)),
  );
}

/** Side by side they are more than the time that has passed. */
function printTimes(): void {
  const times = (all: Iterable<readonly [string, number]>) =>
    [...all].map(([name, value]) => `${name} ${Math.round(value)} s`).join(', ');
  console.log(`\nSteps: ${times(seconds)}`);
  console.log(`Slowest files: ${times(slowestFiles(reports, 20))}`);
}

/** @returns the line to print now; `details` are for the end */
function failure(message: string, details = ''): string {
  counts.failed += 1;
  failures.push(details === '' ? message : `${message}\n${details}`);
  return `FAILED: ${message}`;
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
