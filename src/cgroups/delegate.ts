/**
 * v2 under systemd: groups may be made only below a unit with Delegate=yes, and it must not be the caller's, or zones would end
 * with it. So there is one unit of the machine's that has no process itself and stays until the machine is shut down.
 */
import { existsSync } from 'node:fs';
import { zoneError } from '../errors/index.js';
import type { CgroupDelegateOp } from './ops.js';

/** Nothing if its group is there. @throws HOST_FEATURE_MISSING */
export async function startDelegate(op: CgroupDelegateOp): Promise<void> {
  if (existsSync(`${op.path}/cgroup.procs`)) return;
  throw zoneError('HOST_FEATURE_MISSING', `the systemd unit "${op.unit}" is not running`, {
    hint: `Run "systemd-run --unit=${op.unit} --slice=${op.slice} -p Type=oneshot -p RemainAfterExit=yes -p Delegate=yes true".`,
    context: { unit: op.unit, path: op.path },
  });
}
