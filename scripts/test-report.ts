/** Adds up what the mocha runs report; decides which skips are failures. */
import { readFileSync } from 'node:fs';

export interface MochaReport {
  readonly passed: number;
  /** Each: file and title, and the error's first lines, indented. */
  readonly failed: readonly string[];
  /** `missing`: the fact that requires() did not find. */
  readonly skipped: readonly { readonly title: string; readonly missing?: string }[];
  /** How long each file's tests and hooks took, in milliseconds. */
  readonly fileMs: Readonly<Record<string, number>>;
}

/** Of a run that has ended; `undefined`: it has left none. */
export function readReport(file: string): MochaReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as MochaReport;
  } catch {
    return undefined;
  }
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface SkipRules {
  /** Skips are failures unless what is missing is allowed. */
  readonly mustWork: boolean;
  readonly allowed: readonly string[];
}

/** Adds `report` to `counts`. @returns one line for each skip that counts as a failure */
export function addReport(counts: Counts, report: MochaReport, rules: SkipRules): string[] {
  const refused = rules.mustWork
    ? report.skipped.filter(({ missing }) => missing === undefined || !rules.allowed.includes(missing))
    : [];
  counts.passed += report.passed;
  counts.failed += report.failed.length + refused.length;
  counts.skipped += report.skipped.length - refused.length;
  return refused.map(
    ({ title, missing }) => `FAILED: skipped where everything must work: ${title} (${missing ?? 'no reason'})`,
  );
}

export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** The files that take the most seconds, over all runs. */
export function slowestFiles(reports: readonly Pick<MochaReport, 'fileMs'>[], count: number): [string, number][] {
  const sums = new Map<string, number>();
  for (const { fileMs } of reports)
    for (const [file, ms] of Object.entries(fileMs)) sums.set(file, (sums.get(file) ?? 0) + ms / 1000);
  return [...sums].toSorted(([, one], [, other]) => other - one).slice(0, count);
}
