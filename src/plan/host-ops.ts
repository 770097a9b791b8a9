/** The union of all host ops, and who does them: the area before the dot decides. */
import { type ApparmorOp, apparmorHandlers } from '../apparmor/index.js';
import { type CgroupOp, cgroupHandlers } from '../cgroups/index.js';
import { type DeviceNodesOp, deviceHandlers } from '../namespaces/index.js';
import { type NetOp, netHandlers } from '../netif/index.js';
import type { HostOpBase, HostOpHandler } from '../spec/index.js';
import { type StateOp, stateHandlers } from '../state/index.js';
import { type StorageOp, storageHandlers } from '../storage/index.js';

export type HostOp = ApparmorOp | CgroupOp | DeviceNodesOp | NetOp | StateOp | StorageOp;

const handlers: Readonly<Record<string, HostOpHandler<never>>> = {
  apparmor: apparmorHandlers,
  cgroup: cgroupHandlers,
  device: deviceHandlers,
  net: netHandlers,
  state: stateHandlers,
  storage: storageHandlers,
};

function handlerOf(op: HostOpBase): HostOpHandler<HostOpBase> {
  const handler = handlers[op.op.split('.')[0] ?? ''];
  if (handler === undefined) throw new Error(`no handler for op "${op.op}"`);
  return handler as unknown as HostOpHandler<HostOpBase>;
}

export const applyHostOp = (op: HostOpBase): Promise<void> => handlerOf(op).apply(op);
/** Idempotent: also for ops that were never applied. */
export const undoHostOp = (op: HostOpBase): Promise<void> => handlerOf(op).undo(op);
/** One line for people. */
export const describeHostOp = (op: HostOpBase): string => handlerOf(op).describe(op);
