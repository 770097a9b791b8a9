/** `ps` and `whois`: a zone's processes, with the pids of the host and of the zone. */

import { zonePids } from '../cgroups/index.js';
import { readFile } from '../host/quick-fs.js';
import { readZone } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { groupsOf, requireRunning } from './zone-ref.js';

export interface ZoneProcess {
  /** As the host sees it. */
  readonly hostPid: number;
  /** As the zone sees it. */
  readonly pid: number;
  /** Ids inside the zone. */
  readonly uid: number;
  readonly state: string;
  readonly memoryBytes: number;
  /** Command line, or the name in brackets if there is none. */
  readonly command: string;
}

/** Sorted by the zone's pid. @throws ZONE_NOT_FOUND, ZONE_NOT_RUNNING */
export async function listProcesses(host: HostContext, name: string): Promise<ZoneProcess[]> {
  const { ids } = await readZone(host.roots, name);
  await requireRunning(host, name);
  const found = await Promise.all((await zonePids(groupsOf(host, name))).map((pid) => readProcess(pid, ids.base)));
  return found.filter((process) => process !== undefined).sort((a, b) => a.pid - b.pid);
}

/** A process that ends while it is read is left out. proc_pid_status(5). */
async function readProcess(hostPid: number, base: number): Promise<ZoneProcess | undefined> {
  try {
    const status = await readFile(`/proc/${hostPid}/status`, 'utf8');
    const cmdline = await readFile(`/proc/${hostPid}/cmdline`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const command = cmdline.replaceAll('\0', ' ').trim();
    return {
      hostPid,
      pid: Number(field('NSpid').split(/\s+/).at(-1)),
      uid: Number(field('Uid').split(/\s+/)[0]) - base,
      state: field('State').slice(0, 1),
      memoryBytes: Number.parseInt(field('VmRSS') || '0', 10) * 1024,
      command: command === '' ? `[${field('Name')}]` : command,
    };
  } catch {
    return undefined;
  }
}
