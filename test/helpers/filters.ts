/** Which seccomp filters a process is under. */
import { readFileSync } from 'node:fs';

/** Seccomp and Seccomp_filters: this process may be under one of its own. */
export function filtersIn(status: string): { readonly mode: number; readonly count: number } {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(status)?.[1]);
  return { mode: field('Seccomp'), count: field('Seccomp_filters') };
}
export const ours = filtersIn(readFileSync('/proc/self/status', 'utf8'));
/** Of a zone's process. */
export const filtered = { mode: 2, count: ours.count + 1 };
