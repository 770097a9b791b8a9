/**
 * `npm run test:sanitized [FILE …]`: every test of test/integration and test/escape, or those of FILE, with native programs under checks of
 * addresses and undefined behaviour, linked as they are installed (native/sanitize), so that what runs inside of zones is checked, too. A file at
 * a time; one fails, too, if there is a finding: a report below /var/tmp/tszone-sanitize-static or, where no file can be written, a trap or fault of
 * one of the programs in the kernel's log.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { notSanitized } from './sanitized-except.js';
import { addReport, type Counts, readReport, summaryLine } from './test-report.js';
import { filesOf } from './test-steps.js';

const tree = 'native/build-sanitize-static/tree';
const reports = '/var/tmp/tszone-sanitize-static';
/** Checks cost: waits are as long as on a machine that is so much slower. */
const slowdown = Math.max(3, Number(process.env.TSZONE_TEST_SLOWDOWN ?? 1) || 1);
/** `traps: 5[812] trap invalid opcode … in tszone-helper[1911,…]`, and the same of a segmentation fault. */
const fault = / in tszone(-helper|-init)?\[/;

const scratch = mkdtempSync(join(tmpdir(), 'tszone-sanitized-'));
const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
execFileSync('scripts/sanitized-tree.sh', ['-static'], { stdio: 'inherit' });
const { lines: kernelLines, end } = followKernelLog();
for (const file of wantedFiles(process.argv.slice(2))) await runFile(file);
end();
rmSync(scratch, { recursive: true, force: true });
rmSync(reports, { recursive: true, force: true });
console.log(`\n${summaryLine(counts)}`);
process.exitCode = counts.failed > 0 ? 1 : 0;

function wantedFiles(given: readonly string[]): string[] {
  if (given.length > 0) return [...given];
  return ['integration', 'escape'].flatMap((folder) => filesOf(folder));
}

async function runFile(file: string): Promise<void> {
  const startedAt = Date.now();
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const except = notSanitized.filter((one) => file.endsWith(one.file)).map(({ title }) => title);
  const argv = ['node_modules/mocha/bin/mocha.js', '--reporter', 'scripts/mocha-reporter.mjs'];
  argv.push(
    '--timeout',
    String(120_000 * slowdown),
    ...(except.length > 0 ? ['--grep', regExpOf(except), '--invert'] : []),
  );
  console.log(`\n== ${file}`);
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const { status } = spawnSync(process.execPath, [...argv, file], {
    cwd: tree,
    stdio: 'inherit',
    env: { ...env, TSZONE_TEST_VIA: 'native', TSZONE_TEST_SLOWDOWN: String(slowdown), TSZONE_TEST_REPORT: report },
  });
  addUp(file, status, report);
  // The kernel's log comes a moment later.
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const finding of findings()) failed(`${file}: ${finding}`);
  console.log(`== ${file}: ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

const regExpOf = (titles: readonly string[]) =>
  titles.map((title) => title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');

function addUp(file: string, status: number | null, path: string): void {
  const report = readReport(path);
  if (report === undefined) {
    failed(`${file}: mocha ended with status ${status} and no report`);
    return;
  }
  addReport(counts, report, { mustWork: false, allowed: [] });
  if (status !== 0 && report.failed.length === 0) failed(`${file}: mocha ended with status ${status}`);
}

/** What the sanitizers have found since they were last asked. */
function findings(): string[] {
  const written = readdirSync(reports).map((name) => {
    const text = readFileSync(join(reports, name), 'utf8').trim();
    rmSync(join(reports, name));
    return text;
  });
  return [...written, ...kernelLines.splice(0).filter((line) => fault.test(line))];
}

function failed(message: string): void {
  counts.failed += 1;
  console.log(`FAILED: ${message}`);
}

/** From now on. */
function followKernelLog(): { lines: string[]; end: () => void } {
  const lines: string[] = [];
  const child = spawn('dmesg', ['--follow-new'], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.once('exit', (status) => {
    if (status !== null) failed(`dmesg ended with status ${status}: the kernel's log was not looked at`);
  });
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return { lines, end: () => child.kill() };
}
