/** Looking into a process from the host, and shell scripts that look at a zone from inside. */
import { readFile } from 'node:fs/promises';
import { outputOf } from './cli.js';

/** A line of /proc/PID/status. */
export async function statusField(pid: number, name: string): Promise<string> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** The group of a process for a controller: v1's own hierarchy, else the unified one. */
export async function groupOfProcess(pid: number, controller: string): Promise<{ path: string; version: 1 | 2 }> {
  const lines = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n');
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  for (const line of lines) {
    const [, names = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names.split(',').includes(controller)) {
      const mount = mounts.find((one) => / - cgroup /.test(one) && one.split(/[ ,]/).includes(controller));
      return { path: `${mount?.split(' ')[4] ?? ''}${path}`, version: 1 };
    }
  }
  const unified = mounts.find((one) => / - cgroup2 /.test(one))?.split(' ')[4] ?? '';
  const path = lines.find((line) => line.startsWith('0::'))?.slice(3) ?? '';
  return { path: `${unified}${path}`, version: 2 };
}

/** The controller's file of the group of a process; names as v1 and v2 have them. */
export async function groupFile(pid: number, controller: string, names: { v1: string; v2: string }): Promise<string> {
  const { path, version } = await groupOfProcess(pid, controller);
  return (await readFile(`${path}/${version === 1 ? names.v1 : names.v2}`, 'utf8')).trim();
}

/** Pids that the shell of a zone or of unshare(1) sees. */
export const visiblePids = 'ls /proc | grep "^[0-9]*$" | tr "\\n" " "';

/** What a script says under plain unshare(1): the reference for what the tests observe in zones. */
export function underUnshare(script: string): Promise<string> {
  return outputOf('unshare', ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', 'sh', '-c', script]);
}
