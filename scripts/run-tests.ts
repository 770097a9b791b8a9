/**
 * `npm test`: everything that CI runs, in order. Prints last the plain line `N passed, N failed, N skipped`, the sum over
 * all mocha runs; a step that is no mocha run counts as one failure if it fails.
 *
 * `npm test -- unit golden` runs only these steps. TSZONE_MUST_WORK=1 makes every skipped test a failure unless what it
 * misses is in test/allowed-skips.json.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addReport, type Counts, type MochaReport, summaryLine } from './test-report.js';

interface Step {
  readonly name: string;
  /** Shell-free argv, or the glob of a mocha run. */
  readonly run: readonly string[] | MochaRun;
}

interface MochaRun {
  readonly mocha: readonly string[];
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Another tree. */
  readonly cwd?: string;
}

/** What an exec, kill or ps means must not depend on who does it: these run through the installed program, too. */
const nativeToo = [
  'exec',
  'exec-hints',
  'lifecycle',
  'process-tree',
  'sessions',
  'spares',
  'zone-debian',
  'zone-run',
  'zone-terminal',
].map((name) => `test/integration/${name}.test.ts`);

/** Nor on whether an engine does it. */
const warmToo = ['lifecycle', 'limits-refused', 'zone-options', 'zone-ports', 'zone-run'].map(
  (name) => `test/integration/${name}.test.ts`,
);

/** What runs the native code most, in a tree whose native programs have ASan and UBSan. */
const sanitized = [
  ...['helper', 'helper-ops', 'engine', 'exec', 'zone-run', 'devices', 'sessions', 'unpack'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
  'test/helpers/sanitizer-reports.ts',
];

const steps: readonly Step[] = [
  { name: 'build', run: ['npm', 'run', '--silent', 'build'] },
  { name: 'lint', run: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', run: ['npm', 'run', '--silent', 'types'] },
  { name: 'unit', run: { mocha: ['test/unit/**/*.test.ts'] } },
  { name: 'golden', run: { mocha: ['test/golden/**/*.test.ts'], timeoutMs: 60_000 } },
  { name: 'property', run: { mocha: ['test/property/**/*.test.ts'], timeoutMs: 120_000 } },
  { name: 'native', run: ['npm', 'run', '--silent', 'test:native'] },
  { name: 'fuzz', run: ['npm', 'run', '--silent', 'test:fuzz'] },
  { name: 'escape', run: { mocha: ['test/escape/**/*.test.ts'], timeoutMs: 120_000 } },
  { name: 'integration', run: { mocha: ['test/integration/**/*.test.ts'], timeoutMs: 120_000 } },
  {
    name: 'integration-native',
    run: { mocha: nativeToo, timeoutMs: 120_000, env: { TSZONE_TEST_VIA: 'native' } },
  },
  {
    name: 'integration-warm',
    run: { mocha: warmToo, timeoutMs: 120_000, env: { TSZONE_TEST_VIA: 'warm' } },
  },
  { name: 'sanitize', run: ['scripts/sanitized-tree.sh'] },
  {
    name: 'integration-sanitize',
    run: { mocha: sanitized, timeoutMs: 120_000, cwd: 'native/build-sanitize/tree' },
  },
];

const env: NodeJS.ProcessEnv = { ...process.env };
// Adds 38 ms to every start of node 20, and the suite starts many.
delete env.NODE_EXTRA_CA_CERTS;

const scratch = mkdtempSync(join(tmpdir(), 'tszone-tests-'));
const allowed = JSON.parse(readFileSync('test/allowed-skips.json', 'utf8')) as readonly string[];
const wanted = process.argv.slice(2);
/** How much slower than usual this machine is; test/helpers/patience.ts scales waits by the same. */
const slowdown = Math.max(1, Number(process.env.TSZONE_TEST_SLOWDOWN ?? 1) || 1);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `error: unknown step "${unknown.join('", "')}"\nhint: The steps are ${steps.map((s) => s.name).join(', ')}.`,
  );
  process.exit(2);
}

const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const step of steps) {
  if (wanted.length > 0 && !wanted.includes(step.name)) continue;
  const startedAt = Date.now();
  console.log(`\n== ${step.name}`);
  runStep(step);
  console.log(`== ${step.name}: ${Math.round((Date.now() - startedAt) / 1000)} s`);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\n${summaryLine(counts)}`);
process.exit(counts.failed > 0 ? 1 : 0);

function runStep({ name, run }: Step): void {
  if (!('mocha' in run)) {
    const [program = '', ...args] = run;
    if (spawnSync(program, args, { stdio: 'inherit', env }).status !== 0) fail(`${name} failed`);
    return;
  }
  const file = join(scratch, `${name}.json`);
  const args = [
    '--reporter',
    'scripts/mocha-reporter.mjs',
    '--timeout',
    String(Math.ceil((run.timeoutMs ?? 10_000) * slowdown)),
    ...run.mocha,
  ];
  const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
    stdio: 'inherit',
    cwd: run.cwd,
    env: { ...env, ...run.env, TSZONE_TEST_REPORT: file },
  });
  const report = readReport(file);
  if (report === undefined) {
    fail(`${name}: mocha ended with status ${status} and no report`);
    return;
  }
  const mustWork = process.env.TSZONE_MUST_WORK === '1';
  for (const line of addReport(counts, report, { mustWork, allowed })) console.log(line);
  if (status !== 0 && report.failed.length === 0) fail(`${name}: mocha ended with status ${status}`);
}

function fail(message: string): void {
  counts.failed += 1;
  console.log(`FAILED: ${message}`);
}

function readReport(file: string): MochaReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as MochaReport;
  } catch {
    return undefined;
  }
}
