/** Whether a process is there, and neither a zombie nor just being forgotten (proc_pid_stat(5), X). */
import { readFileSync } from 'node:fs';

export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  return state !== undefined && !/[ZX]/.test(state);
}

/** Empty where there is none: not opened, or gone while it is read (ESRCH). */
function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
}
