/**
 * v2 under systemd: groups may be made only below a unit with Delegate=yes, and it must not be the caller's, or zones would end
 * with it. So there is one unit of the machine's for all roots. systemd removes a unit's group as soon as no process is in it
 * (RemainAfterExit or not), so the unit has one that does nothing; zones do not end with it (KillMode=process).
 */
import { existsSync } from 'node:fs';
import { hasCode } from '../errors/index.js';
import { runTool } from '../host/index.js';
import { errnoName, makeGroup, readControl, stepError, writeControl } from './kernel-file.js';
import type { CgroupDelegateOp } from './ops.js';

const startTimeoutMs = 30_000;

/**
 * One zone's OOM kill must not stop the unit, and systemd's default of 15 % of the machine's processes is not our limit.
 * MemoryMin: what the slice keeps is all for us to hand out, as guarantees of zones.
 */
const properties = [
  'Type=exec',
  'Delegate=yes',
  'KillMode=process',
  'OOMPolicy=continue',
  'TasksMax=infinity',
  'MemoryMin=infinity',
  'IgnoreOnIsolate=yes',
];

/** Nothing if it runs. @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED, KERNEL_STEP_FAILED */
export async function startDelegate(op: CgroupDelegateOp): Promise<void> {
  if (!isThere(op)) await startUnit(op);
  emptyGroup(op.path, `${op.path}/holder`);
}

function isThere({ path }: CgroupDelegateOp): boolean {
  return existsSync(`${path}/cgroup.procs`);
}

async function startUnit(op: CgroupDelegateOp): Promise<void> {
  const args = ['--quiet', '--collect', `--unit=${op.unit}`, `--slice=${op.slice}`, '--description=tszone zones'];
  try {
    await runTool({
      tool: 'systemd-run',
      args: [...args, ...properties.flatMap((property) => ['-p', property]), 'sleep', 'infinity'],
      package: 'systemd',
      timeoutMs: startTimeoutMs,
    });
  } catch (error) {
    // Another start was faster: the unit exists by now.
    if (!hasCode(error, 'HOST_TOOL_FAILED') || !isThere(op)) throw error;
  }
}

/** A group with processes of its own cannot hand controllers down (EBUSY): they go into a group of their own. */
export function emptyGroup(path: string, leaf: string): void {
  const pids = (readControl(`${path}/cgroup.procs`) ?? '').split('\n').filter((pid) => pid !== '');
  if (pids.length === 0) return;
  try {
    makeGroup(leaf);
    for (const pid of pids) moveProcess(pid, leaf);
  } catch (error) {
    throw stepError('cgroup.delegate', path, error);
  }
}

/** ESRCH: it has ended meanwhile. */
function moveProcess(pid: string, group: string): void {
  try {
    writeControl(`${group}/cgroup.procs`, pid);
  } catch (error) {
    if (errnoName(error) !== 'ESRCH') throw error;
  }
}
