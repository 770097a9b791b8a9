/** Raises the machine-wide limits that many zones need, now and at every boot. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sysctlAdvice, sysctlPath } from './checks/limits.js';

export interface SysctlChange {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

export interface SysctlFix {
  /** Written with all values that tszone has ever raised; `undefined` if nothing had to be. */
  readonly file?: string;
  readonly changed: readonly SysctlChange[];
  /** In the file, but the kernel would not take it now. */
  readonly refused: readonly (SysctlChange & { readonly reason: string })[];
}

export interface SysctlFixOptions {
  /** `/etc/sysctl.d/60-tszone.conf` unless a test says otherwise. */
  readonly file?: string;
  /** Before `/proc/sys`. */
  readonly prefix?: string;
}

/** Where what was raised is raised at every boot. */
export const sysctlFile = '/etc/sysctl.d/60-tszone.conf';

const header = '# Written by "tszone doctor --fix": limits that many zones on one machine run into.\n';

/** Only raises, never lowers; a second time it has nothing to do. */
export async function fixSysctls({ file = sysctlFile, prefix = '' }: SysctlFixOptions = {}): Promise<SysctlFix> {
  const wanted = await lowSysctls(prefix);
  if (wanted.length === 0) return { changed: [], refused: [] };
  await persist(file, wanted);
  const refused: (SysctlChange & { reason: string })[] = [];
  // Thresholds are kept in order by raising the highest first.
  for (const change of [...wanted].reverse()) {
    await writeFile(prefix + sysctlPath(change.key), `${change.to}\n`).catch((error: unknown) => {
      refused.push({ ...change, reason: error instanceof Error ? error.message : String(error) });
    });
  }
  return { file, changed: wanted.filter(({ key }) => !refused.some((other) => other.key === key)), refused };
}

/** What is to be raised. */
export async function lowSysctls(prefix = ''): Promise<SysctlChange[]> {
  const wanted: SysctlChange[] = [];
  for (const { key, least } of sysctlAdvice) {
    const from = Number((await readOr(prefix + sysctlPath(key)))?.trim() || Number.NaN);
    if (from < least) wanted.push({ key, from, to: least });
  }
  return wanted;
}

/** What an earlier run has raised stays in the file. */
async function persist(file: string, changes: readonly SysctlChange[]): Promise<void> {
  const before = [...((await readOr(file)) ?? '').matchAll(/^([\w.]+)\s*=\s*(\d+)\s*$/gm)].map(
    ([, key = '', value = '']): [string, string] => [key, value],
  );
  const all = new Map([...before, ...changes.map(({ key, to }): [string, string] => [key, String(to)])]);
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, header + [...all].map(([key, value]) => `${key} = ${value}\n`).join(''));
  await rename(temporary, file);
}

async function readOr(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
