/** Does and undoes what is changed inside a running zone. */
import { zoneError } from '../errors/index.js';
import { spawnSession } from '../helper/index.js';
import type { HostOpHandler } from '../spec/host-op.js';
import { type DeviceNode, type DeviceNodesOp, planNodeMounts, planNodeRemovals, planNodes } from './device-nodes.js';

export const deviceHandlers: HostOpHandler<DeviceNodesOp> = {
  apply: (op) => changeNodes(op, op),
  undo: (op) => changeNodes(op, { add: op.remove, remove: op.add }),
  describe,
};

/** A zone can put a file system of its own on its /dev, which answers when it likes. */
const timeoutMs = 10_000;

/** Both are idempotent in the helper. @throws KERNEL_STEP_FAILED, WAIT_TIMEOUT */
async function changeNodes(
  { pid, startTime, staging, ids, isMapped }: DeviceNodesOp,
  { add, remove }: Pick<DeviceNodesOp, 'add' | 'remove'>,
): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await using session = spawnSession(
      'enter',
      [
        { op: 'ns.flags', flags: isMapped ? 'user,mnt' : 'mnt' },
        { op: 'target', pid: String(pid), startTime },
        { op: 'stdio.mode', mode: 'log' },
        { op: 'root.staging', path: staging },
        ...planNodes(add, ids),
        ...planNodeRemovals(remove),
        ...planNodeMounts(add),
        { op: 'exec.none' },
      ],
      { signal },
    );
    await session.expect('exited');
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    throw zoneError('WAIT_TIMEOUT', `the zone's /dev did not answer within ${timeoutMs} ms`, {
      hint: 'See with "tszone exec ZONE -- mount" what the zone has mounted on its /dev.',
      context: { timeoutMs },
      cause: error,
    });
  }
}

function describe({ add, remove }: DeviceNodesOp): string {
  const list = (nodes: readonly DeviceNode[]) => nodes.map(({ path }) => path).join(', ');
  const parts = [
    ...(remove.length === 0 ? [] : [`take ${list(remove)} out of the zone`]),
    ...(add.length === 0 ? [] : [`put ${list(add)} into the zone`]),
  ];
  return parts.join(' and ');
}
