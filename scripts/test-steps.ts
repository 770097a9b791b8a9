/** What `npm test` runs: the steps, each cut into what one process does. */
import { readdirSync } from 'node:fs';
import type { Job } from './test-jobs.js';

export interface TestJob extends Job {
  /** Shell-free argv, or a mocha run. */
  readonly run: readonly string[] | MochaRun;
}

export interface MochaRun {
  readonly mocha: readonly string[];
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Another tree. */
  readonly cwd?: string;
}

const inFolder = (folder: string) => (name: string) => `test/${folder}/${name}.test.ts`;

/**
 * Command lines run as they are installed, through the native program. What they mean must not depend on who does it: those that
 * exec, kill or look run through node alone, too.
 */
const viaNative = { TSZONE_TEST_VIA: 'native' };
const coldToo = [
  'exec',
  'exec-hints',
  'lifecycle',
  'process-tree',
  'sessions',
  'spares',
  'zone-debian',
  'zone-run',
  'zone-terminal',
].map(inFolder('integration'));

/** Nor on whether an engine does it. */
const warmToo = ['lifecycle', 'limits-refused', 'zone-options', 'zone-ports', 'zone-run'].map(inFolder('integration'));

/** What runs the native code most, in a tree whose native programs have ASan and UBSan. */
const sanitized = [
  ...['helper', 'helper-ops', 'engine', 'exec', 'zone-run', 'devices', 'sessions', 'unpack'].map(
    inFolder('integration'),
  ),
  'test/helpers/sanitizer-reports.ts',
];

/** A process of its own each, started before the others: the longest first, as the list of times at the end of a run has them. */
const longest = [
  'library',
  'backup',
  'crash-safety',
  'ready-runs',
  'image-debian-suites',
  'pools-crash',
  'image-hostile',
  'nesting',
  'image-pull',
  'zone-systemd',
  'import-hostile',
  'snapshots',
  'snapshot-crash',
  'parallel',
  'prepare',
  'spares',
  'pool-full-disk',
  'backup-elsewhere',
  'image-crash',
].map(inFolder('integration'));

/** They compare what of the machine is nobody's, and so is everybody's. */
const aloneInEscape = ['stress'].map(inFolder('escape'));

/** So many files in one process: it takes a second to start. */
const filesPerRun = 10;

/** Of `test/FOLDER`. */
export function filesOf(folder: string, except: readonly string[] = []): string[] {
  const names = readdirSync(`test/${folder}`).filter((name) => name.endsWith('.test.ts'));
  return names
    .toSorted()
    .map((name) => `test/${folder}/${name}`)
    .filter((path) => !except.includes(path));
}

function inRuns(files: readonly string[]): string[][] {
  const count = Math.ceil(files.length / Math.ceil(files.length / filesPerRun));
  return Array.from({ length: Math.ceil(files.length / count) }, (_, i) => files.slice(i * count, (i + 1) * count));
}

const npm = (script: string) => ['npm', 'run', '--silent', script];
const timeoutMs = 120_000;

/** In this order, as far as one need not wait for another: what fails soon, then what takes long. */
const afterBuild: readonly TestJob[] = [
  { step: 'lint', run: npm('lint') },
  { step: 'types', run: npm('types') },
  { step: 'unit', run: { mocha: ['test/unit/**/*.test.ts'] } },
  { step: 'golden', run: { mocha: ['test/golden/**/*.test.ts'], timeoutMs: 60_000 } },
  { step: 'property', run: { mocha: ['test/property/**/*.test.ts'], timeoutMs } },
  // The three that follow write below native/build-*.
  { step: 'native', run: npm('test:native') },
  { step: 'fuzz', run: npm('test:fuzz'), after: ['native'] },
  { step: 'sanitize', run: ['scripts/sanitized-tree.sh'], after: ['native', 'fuzz'] },
  ...longest.map((file) => ({ step: 'integration', run: { mocha: [file], timeoutMs, env: viaNative } })),
  { step: 'integration-cold', run: { mocha: coldToo, timeoutMs } },
  { step: 'escape', run: { mocha: filesOf('escape', aloneInEscape), timeoutMs } },
  ...inRuns(filesOf('integration', longest)).map((mocha) => ({
    step: 'integration',
    run: { mocha, timeoutMs, env: viaNative },
  })),
  { step: 'integration-warm', run: { mocha: warmToo, timeoutMs, env: { TSZONE_TEST_VIA: 'warm' } } },
  {
    step: 'integration-sanitize',
    run: { mocha: sanitized, timeoutMs, cwd: 'native/build-sanitize/tree' },
    after: ['sanitize'],
  },
  { step: 'escape', run: { mocha: aloneInEscape, timeoutMs }, alone: true },
];

export const testJobs: readonly TestJob[] = [
  { step: 'build', run: npm('build') },
  ...afterBuild.map((job) => ({ ...job, after: ['build', ...(job.after ?? [])] })),
];
