/** Whether a process is there, and neither a zombie nor just being forgotten (proc_pid_stat(5), X); and signals to one. */
import { readFileSync } from 'node:fs';

export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  return state !== undefined && !/[ZX]/.test(state);
}

/** To one process. @throws Error if it is not known: -1 is every process of the machine, and 0 one's own group */
export function signalTo(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined || !(pid > 1)) throw new Error(`no process to send ${name} to: ${pid}`);
  process.kill(pid, name);
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
