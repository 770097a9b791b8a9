/** Groups of processes, as the kernel names them on cgroup v1 and v2. */
import { readFile } from 'node:fs/promises';
import { facts } from './requires.js';

export const isV2 = facts['cgroup-v2']();

/** Where the group is that limits how many processes there are with this one. */
export async function pidsGroup(pid: number | undefined): Promise<string> {
  const [line, mount] = isV2 ? [/^0::(.*)$/m, '/sys/fs/cgroup'] : [/^\d+:pids:(.*)$/m, '/sys/fs/cgroup/pids'];
  return `${mount}${line.exec(await readFile(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? ''}`;
}
