/**
 * v2 under systemd: groups may be made only below a unit with Delegate=yes, and it must not be the caller's, or zones would end
 * with it. So there is one unit of the machine's that has no process itself and stays until the machine is shut down.
 */
import { existsSync } from 'node:fs';
import { hasCode } from '../errors/index.js';
import { runTool } from '../host/index.js';
import type { CgroupDelegateOp } from './ops.js';

const startTimeoutMs = 30_000;

/** One zone's OOM kill must not stop the unit, and systemd's default of 15 % of the machine's processes is not our limit. */
const properties = ['Type=oneshot', 'RemainAfterExit=yes', 'Delegate=yes', 'OOMPolicy=continue', 'TasksMax=infinity'];

/** Nothing if its group is there. @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED */
export async function startDelegate({ unit, slice, path }: CgroupDelegateOp): Promise<void> {
  const isThere = () => existsSync(`${path}/cgroup.procs`);
  if (isThere()) return;
  const args = ['--quiet', '--collect', `--unit=${unit}`, `--slice=${slice}`, '--description=tszone zones'];
  try {
    await runTool({
      tool: 'systemd-run',
      args: [...args, ...properties.flatMap((property) => ['-p', property]), 'true'],
      package: 'systemd',
      timeoutMs: startTimeoutMs,
    });
  } catch (error) {
    // Another start was faster: the unit exists by now.
    if (!hasCode(error, 'HOST_TOOL_FAILED') || !isThere()) throw error;
  }
}
